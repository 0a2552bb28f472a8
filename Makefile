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

docs:  ## rewrite the README's tables and pictures from benchmarks/results
	python benchmarks/readme.py

bench:  ## every benchmark, one after the other
	python benchmarks/loader_speed.py
	python benchmarks/step_speed.py speed
	python benchmarks/step_speed.py quality
	python benchmarks/picture.py
	python benchmarks/content.py
	python benchmarks/time_to_quality.py
	python benchmarks/kills.py
	python benchmarks/reliability.py
	python benchmarks/doctor.py --rescue
