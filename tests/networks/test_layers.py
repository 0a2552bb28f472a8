"""The layers against PyTorch's own, with the same weights."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansmith.networks import layers
from gansmith.networks.convolution import conv2d
from gansmith.networks.layers import Conv, Double, Flatten, Halve, Start

# Forward derivatives make torch compile helpers of its own in a way that it calls deprecated.
forward_mode = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
FORMATS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every small layer take the matrix-product form that only wide ones take by default."""
    monkeypatch.setattr(layers, "MANY_WEIGHTS", 0)
    monkeypatch.setattr(layers, "SMALL_GRID", 10**6)


def _second(function: Callable[[], Tensor], x: Tensor, module: nn.Module) -> list[Tensor]:
    """Gradients of a penalty on the input gradient: all that a double backward has to get right."""
    (slope,) = torch.autograd.grad(function().tanh().sum(), x, create_graph=True)
    return list(torch.autograd.grad(slope.square().sum(), [x, *module.parameters()], allow_unused=True))


@pytest.mark.reference
@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("bias", [True, False])
def test_start_is_a_transposed_convolution_of_one_pixel(memory_format: torch.memory_format, bias: bool) -> None:
    torch.manual_seed(0)
    layer = Start(5, 6, (4, 7), bias=bias).double().to(memory_format=memory_format)
    if layer.bias is not None:
        nn.init.normal_(layer.bias)
    code = torch.randn(3, 5, dtype=torch.float64)
    grid = layer(code)
    expected = F.conv_transpose2d(code[:, :, None, None], layer.weight, layer.bias)
    torch.testing.assert_close(grid, expected, check_stride=False)
    assert grid.is_contiguous(memory_format=memory_format)


@pytest.mark.reference
@pytest.mark.parametrize("memory_format", FORMATS)
def test_flatten_and_a_linear_map_are_a_convolution_over_the_whole_grid(memory_format: torch.memory_format) -> None:
    torch.manual_seed(0)
    grid = torch.randn(3, 6, 4, 5, dtype=torch.float64).to(memory_format=memory_format)
    kernel = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    scores = Flatten()(grid) @ Flatten()(kernel).T
    torch.testing.assert_close(scores, F.conv2d(grid, kernel)[:, :, 0, 0])


def test_flatten_does_not_copy_channels_last() -> None:
    grid = torch.randn(2, 6, 4, 4).to(memory_format=torch.channels_last)
    assert Flatten()(grid).data_ptr() == grid.data_ptr()


@pytest.mark.reference
@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("kind", [Halve, Double])
def test_products_equal_convolutions_in_value_and_both_derivatives(
    kind: type[Halve] | type[Double], memory_format: torch.memory_format
) -> None:
    torch.manual_seed(0)
    layer = kind(3, 5).double().to(memory_format=memory_format)
    plain = F.conv2d if kind is Halve else F.conv_transpose2d
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()

    def expected() -> Tensor:
        return plain(x, layer.weight, layer.bias, stride=2, padding=1)

    torch.testing.assert_close(layer(x), expected(), check_stride=False)
    for ours, theirs in zip(_second(lambda: layer(x), x, layer), _second(expected, x, layer), strict=True):
        torch.testing.assert_close(ours, theirs, check_stride=False)


@pytest.mark.analytic
@pytest.mark.usefixtures("products")
@forward_mode
@pytest.mark.parametrize("kind", [Halve, Double])
def test_products_have_forward_derivatives_and_batch(kind: type[Halve] | type[Double]) -> None:
    torch.manual_seed(0)
    layer = kind(2, 3).double()
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    # The layer is affine, so that its derivative along v is the layer without bias at v.
    _, tangent = torch.func.jvp(layer, (x,), (x,))
    assert layer.bias is not None
    torch.testing.assert_close(tangent, layer(x) - layer.bias[None, :, None, None])
    each = torch.func.vmap(lambda one: layer(one[None])[0])(x)
    torch.testing.assert_close(each, layer(x))


def test_wide_layers_on_small_grids_are_products_by_default() -> None:
    calls = []
    handle = torch.Tensor.as_strided
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "as_strided", lambda *args: calls.append(1) or handle(*args))
        Halve(256, 256)(torch.zeros(1, 256, 8, 8))
        assert calls
        calls.clear()
        Halve(16, 16)(torch.zeros(1, 16, 8, 8))
        assert not calls


@pytest.mark.analytic
@forward_mode
@pytest.mark.parametrize(("groups", "kernel", "stride", "padding"), [(2, 3, 1, 1), (1, 4, 2, 1), (1, 1, 1, 0)])
def test_convolution_has_right_derivatives_of_every_kind(groups: int, kernel: int, stride: int, padding: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 4, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 4 // groups, kernel, kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)

    def function(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return conv2d(x, weight, bias, stride=stride, padding=padding, groups=groups)

    expected = F.conv2d(x, weight, bias, stride, padding, groups=groups)
    torch.testing.assert_close(function(x, weight, bias), expected)
    assert torch.autograd.gradcheck(function, (x, weight, bias), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(function, (x, weight, bias))


@pytest.mark.reference
@forward_mode
def test_convolution_composes_with_function_transforms() -> None:
    torch.manual_seed(0)
    x, weights = torch.randn(2, 4, 5, 5).double(), torch.randn(3, 4, 2, 3, 3).double()

    def slope(weight: Tensor, convolution: Callable[..., Tensor]) -> Tensor:
        return torch.func.grad(lambda x: convolution(x, weight, padding=1, groups=2).tanh().sum())(x)

    for transform in (
        lambda f: torch.func.vmap(f)(weights),
        lambda f: torch.func.jvp(f, (weights[0],), (weights[1],))[1],
    ):
        torch.testing.assert_close(
            transform(lambda w: slope(w, conv2d)), transform(lambda w: slope(w, F.conv2d)), check_stride=False
        )


@pytest.mark.reference
def test_convolution_follows_autocast() -> None:
    torch.manual_seed(0)
    layer = Conv(4, 6, 3)
    x = torch.randn(2, 4, 5, 5)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = layer(x), F.conv2d(x, layer.weight, layer.bias, padding=1)
    assert ours.dtype == theirs.dtype == torch.bfloat16
    torch.testing.assert_close(ours, theirs)
    (gradient,) = torch.autograd.grad(ours.float().sum(), [layer.weight])
    assert gradient.dtype == torch.float32


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_convolution_computes_only_the_gradients_that_are_asked_for(again: bool) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 4, 5, 5, requires_grad=True), torch.randn(3, 4, 3, 3, requires_grad=True)
    y = conv2d(x, weight, padding=1).square().sum()
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        kernel = torch.ops.aten.convolution_backward
        patch.setattr(torch.ops.aten, "convolution_backward", lambda *args: asked.append(args[-1]) or kernel(*args))
        torch.autograd.grad(y, [x], retain_graph=True, create_graph=again)
        torch.autograd.grad(y, [weight], retain_graph=True, create_graph=again)
    # Both could have been had each time: a player that moves asks for its own, a slope penalty for the samples'.
    assert [list(mask) for mask in asked] == [[True, False, False], [False, True, False]]
