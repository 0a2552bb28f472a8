.PHONY: check test coverage slow docs bench

check:  ## lint, format, types, layering
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:  ## the ordinary suite
	pytest

coverage:  ## the ordinary suite, with the lines and branches that it does not reach
	pytest --cov --cov-report=term-missing

slow:  ## the experiments that take minutes
	pytest -m slow

docs:  ## rewrite the tables of the README and the guides from benchmarks/results
	python benchmarks/readme.py

bench:  ## every benchmark that needs no folder named, one after the other: days of two cores
	python benchmarks/loader_speed.py
	python benchmarks/step_speed.py speed
	python benchmarks/step_speed.py quality
	python benchmarks/picture.py
	python benchmarks/content.py
	python benchmarks/time_to_quality.py
	python benchmarks/kills.py
	python benchmarks/reliability.py
	python benchmarks/doctor.py --rescue
	python benchmarks/watch_cost.py
	python benchmarks/toy_speed.py
	python benchmarks/modes_2d.py
	python benchmarks/arithmetic.py
	python benchmarks/tricks.py
	python benchmarks/small_data.py
	python benchmarks/feature_reuse.py
	python benchmarks/stacked_mnist.py
	python benchmarks/semi_supervised.py
