"""Why every command on the pages can be believed: the test that runs it, or the reason why none does."""

DEMO = "tests/end_to_end/test_demo.py"
TWIN = "tests/loadtest/test_twin_load.py"
COMPOSE = "tests/end_to_end/test_compose.py"
LOCUST = "tests/loadtest/test_locustfile.py"
WHEEL = "tests/end_to_end/test_wheel.py"
TRUTH = "tests/experiments/test_truth.py"
HERE = "tests/docs/test_shell_blocks.py"
WORKFLOW = ".github/workflows/test.yml"

RUN_BY = {
    # the demo and the twins
    "make demo": DEMO,
    "make demo DEMO_SECONDS=30": WORKFLOW,
    "python -m loadtest demo": DEMO,
    "make demo TWIN=…": TWIN,
    "make demo TWIN=http-exception": TWIN,
    "make demo TWIN=logged": TWIN,
    "make demo TWIN=result-in-local": TWIN,
    "make demo TWIN=retry-worker": TWIN,
    "make demo TWIN=websocket": TWIN,
    "make test-slow": ".ci/run",
    "python -m experiments.pythons probe": "tests/experiments/test_experiments.py",
    "make twins": HERE,
    "python -m loadtest twins": HERE,
    # the Compose demo
    "make up": COMPOSE,
    "make down": COMPOSE,
    "python -m loadtest up": COMPOSE,
    "python -m loadtest down": COMPOSE,
    "docker compose up --build": COMPOSE,
    # what is measured
    "make truth": TRUTH,
    "make truth TWIN=endpoint": TRUTH,
    "make truth TWIN=your-twin": TRUTH,
    "python -m experiments truth": TRUTH,
    "make matrix": "tests/experiments/test_matrix.py",
    "python -m experiments matrix": "tests/experiments/test_matrix.py",
    "make cost": "tests/experiments/test_cost.py",
    "python -m experiments cost": "tests/experiments/test_cost.py",
    "make calibrate": "tests/experiments/test_calibrate.py",
    "python -m experiments calibrate": "tests/experiments/test_calibrate.py",
    "make bench": "tests/experiments/test_bench.py",
    "python -m experiments bench": "tests/experiments/test_bench.py",
    "make figures": "tests/experiments/test_article.py",
    "python -m experiments figures": "tests/experiments/test_article.py",
    "python -m experiments figures --raises 200": "tests/experiments/test_article.py",
    "make demo DEMO_SECONDS=0": "tests/end_to_end/test_live_page.py",
    "make demo DEMO_SECONDS=0 DEMO_OPEN=1": "tests/end_to_end/test_live_page.py",
    "make slides": "tests/loadtest/test_slides.py",
    "make trial": "tests/trial/test_kills.py",
    "python -m loadtest slides": "tests/loadtest/test_slides.py",
    "python -m pytest tests/trial": "tests/trial/test_kills.py",
    "python3 loadtest/simple_exception_memory_demo.py": "tests/experiments/test_simple_demo.py",
    # one's own service
    "pip install '/path/to/your/clone'": WHEEL,
    "pip install --no-deps '/path/to/your/clone'": WHEEL,
    "pip install prometheus-client psutil": WHEEL,
    "pip install '/path/to/your/clone[all]'": WHEEL,
    "pip install '/path/to/your/clone[docker]'": WHEEL,
    "locust -f locustfile.py --sadpath-help": "tests/docs/test_reference.py",
    "locust -f locustfile.py --headless --users 20 --run-time 2m "
    "--sadpath-watch shop=http://127.0.0.1:8000/metrics": "tests/watch/test_locust_metrics.py",
    "locust -f loadtest/locustfile.py": LOCUST,
    "locust -f loadtest/locustfile.py --twin retry-worker": TWIN,
    "sadpath --help": HERE,
    "sadpath --version": HERE,
    "sadpath report FOLDER": "tests/sadpath/test_cli.py",
    "sadpath report FOLDER --junit FILE": "tests/sadpath/test_cli.py",
    "sadpath report reports/locust": "tests/sadpath/test_cli.py",
    # checking a service
    "sadpath check -- COMMAND": "tests/check/test_check.py",
    "sadpath check MODULE:APP": "tests/check/test_check.py",
    "sadpath check URL": "tests/check/test_servers.py",
    "sadpath init": "tests/check/test_check_settings.py",
    "sadpath init -- COMMAND": "tests/check/test_check.py",
    "sadpath init -- uvicorn shop.main:app --port 8000": "tests/check/test_check.py",
    "sadpath check": "tests/check/test_check.py",
    "sadpath check -- uvicorn shop.main:app --port 8000": "tests/check/test_servers.py",
    "sadpath check -- gunicorn shop.wsgi --bind 127.0.0.1:8000": "tests/check/test_servers.py",
    "sadpath check -- python manage.py runserver 8000": "tests/check/test_servers.py",
    "sadpath check -- flask --app shop run --port 8000": "tests/check/test_servers.py",
    "sadpath check shop.main:app": "tests/check/test_check.py",
    "sadpath check -- uvicorn service.app:app --port 8000": "tests/check/test_check_lab.py",
    'sadpath check --request "GET /reused/users/42" --request "GET /factory/users/42" -- '
    "uvicorn service.app:app --port 8000": "tests/check/test_check_lab.py",
    "sadpath check http://127.0.0.1:8000 --pid 4242": "tests/check/test_servers.py",
    "sadpath check http://127.0.0.1:8000 --container shop": "tests/sources/test_container.py",
    "sadpath check http://127.0.0.1:8000 --metrics http://127.0.0.1:8000/metrics": "tests/end_to_end/test_action.py",
    "sadpath check --json leaks.json --junit leaks.xml --html leaks.html -- uvicorn shop.main:app --port 8000": (
        "tests/check/test_check.py"
    ),
    "sadpath check --json leaks.json --junit leaks.xml -- uvicorn shop.main:app --port 8000": (
        "tests/check/test_check.py"
    ),
    "sadpath check --baseline leaks.json -- uvicorn shop.main:app --port 8000": "tests/check/test_check.py",
    "docker build --tag sadpath .": "tests/end_to_end/test_action.py",
    "docker run --rm --network host sadpath check http://127.0.0.1:8000 "
    "--metrics http://127.0.0.1:8000/metrics": "tests/end_to_end/test_action.py",
    "promtool test rules grafana/prometheus/tests/*.yml": "tests/grafana/test_rules.py",
    # the lab's service
    "LAB_CONTROL=1 LAB_MEMORY_LIMIT_MB=512 python -m uvicorn service.app:app": HERE,
    "uvicorn service.app:app": HERE,
    "curl http://127.0.0.1:8000/twins": HERE,
    "curl -i http://127.0.0.1:8000/twins/endpoint/reused": HERE,
    "curl -i http://127.0.0.1:8000/reused/users/42": HERE,
    "curl http://127.0.0.1:8000/lab": HERE,
    "curl -X PUT http://127.0.0.1:8000/lab/strategy -H 'Content-Type: application/json' "
    """-d '{"strategy": "factory"}'""": HERE,
    "curl -X POST http://127.0.0.1:8000/lab/release": HERE,
    "curl -X PUT http://127.0.0.1:8001/lab/strategy -H 'Content-Type: application/json' "
    """-d '{"strategy": "factory"}'""": HERE,
    # the tests themselves
    "make help": HERE,
    "python -m loadtest --help": HERE,
    "python -m experiments --help": HERE,
    "make test": ".ci/run",
    "make test TESTS=tests/probe": ".ci/run",
    "python -m pytest tests/service/test_twins.py -k your-twin": "tests/service/test_twins.py",
    "make test-all": ".ci/run",
    "make check": ".ci/run",
    "make dashboards": "tests/grafana/test_dashboards.py",
    "make dashboards-preview": "tests/grafana/test_preview.py",
}
"""The file that runs the command, or the code behind it with shorter settings."""

NOT_RUN = {
    "DEMO_RATE=50 make up": "a setting of `make up`; tests/loadtest reads each from Compose's configuration",
    "DEMO_RATE=200 make up": "as DEMO_RATE=50",
    "DEMO_CONTEXT_KB=256 make up": "as DEMO_RATE=50",
    "DEMO_MEMORY_LIMIT_MB=512 make up": "as DEMO_RATE=50",
    "TWIN=retry-worker make up": "as DEMO_RATE=50",
    "COMPOSE_PROFILES=framework make up": "it builds an older Starlette's image: minutes, and another kill to wait for",
    "docker compose up --detach --scale worker=4": "needs more cores than the machines that test have",
    "docker compose build": "part of `make up`",
    "docker compose pull prometheus grafana": "part of `make up` where the images are missing",
    "docker compose up --detach --wait": "part of `make up`",
    "docker events --filter event=oom": "it waits for ever; the end-to-end test asks the engine for the kill instead",
    "docker save sadpath-service sadpath-loadtest prom/prometheus:v3.14.0 grafana/grafana:13.1.4 | gzip > "
    "sadpath-images.tar.gz": "writes a gigabyte; a test compares the images with docker-compose.yml",
    "docker load < sadpath-images.tar.gz": "as docker save",
    'make truth PYTHONS="python3.12 /opt/3.13/bin/python3.13"': "which interpreters there are depends on the machine",
    'make dashboards-preview PREVIEWER="command"': "the previewer is a command of yours; the lab runs for minutes",
    "make real-services": "it installs 3 GB, and runs for half an hour; a test checks a service of ten lines instead",
    "python -m experiments services": "as make real-services",
    "make format": "it changes the code; `make check` verifies the result",
    "make lock": "it changes the locks to whatever is newest on that day",
    "pre-commit install": "it changes the clone's hooks; they run what `make check` runs",
    "make clean": "it removes the environment that the tests run in",
}
"""The reason why no test runs the command."""
