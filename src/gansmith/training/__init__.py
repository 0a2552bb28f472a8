"""The loop, and everything that keeps a run safe."""

from gansmith.training.config import from_yaml, to_yaml
from gansmith.training.display import Display
from gansmith.training.engine import DeviceEngine
from gansmith.training.errors import NonFiniteError, TrainingError
from gansmith.training.loggers import TensorBoard
from gansmith.training.loop import Run
from gansmith.training.model import Model
from gansmith.training.pictures import save_gif, save_grid, save_images, save_npz
from gansmith.training.pretrained import from_pretrained, load, load_discriminator, save_pretrained
from gansmith.training.processes import Processes
from gansmith.training.recipe import Augmentation, Averaging, Execution, Recipe, Schedules
from gansmith.training.runs import resume, train
from gansmith.training.session import Session

__all__ = [
    "Augmentation",
    "Averaging",
    "DeviceEngine",
    "Display",
    "Execution",
    "Model",
    "NonFiniteError",
    "Processes",
    "Recipe",
    "Run",
    "Schedules",
    "Session",
    "TensorBoard",
    "TrainingError",
    "from_pretrained",
    "from_yaml",
    "load",
    "load_discriminator",
    "resume",
    "save_gif",
    "save_grid",
    "save_images",
    "save_npz",
    "save_pretrained",
    "to_yaml",
    "train",
]
