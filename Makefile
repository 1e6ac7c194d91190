# The two targets to know: `make up` (a cluster with a sample instance on this machine) and `make test`.
# `python3 tests/cluster` makes what a machine lacks; its README is `python3 tests/cluster help`.
CLUSTER := python3 tests/cluster
# The project's Python environment. Only a recipe that needs it asks for uv, so that `make up` needs no network for it.
RUN = "$$($(CLUSTER) uv)" run --frozen --all-extras
# TASKORA_REPORTS=FOLDER: JUnit and coverage files of the tests that run.
REPORT = $(if $(TASKORA_REPORTS),--junitxml=$(TASKORA_REPORTS)/$@.junit.xml --cov=taskora --cov=taskora_operator --cov-report=xml:$(TASKORA_REPORTS)/$@.coverage.xml)
# SHARE=2/6: the second sixth of the component or end-to-end tests, by the seconds that tests/durations.json knows of each.
# PYTEST_ADDOPTS=--store-durations make test: writes them anew.
SPLIT = $(if $(SHARE),--splits $(notdir $(SHARE)) --group $(patsubst %/,%,$(dir $(SHARE))))
PYTEST = $(RUN) pytest $(REPORT)

.PHONY: up down reset status kubeconfig url login tools test test-unit test-component test-e2e test-down lint generated docs release bench workflows faults oldest dev pictures
.NOTPARALLEL:

up down reset status kubeconfig url login:
	@$(CLUSTER) $@

tools:  # what component tests start for real
	@$(CLUSTER) tools

test: lint test-unit test-component test-e2e test-down

generated:  # everything that is made from the code; tests hold that it is fresh
	$(RUN) python -m taskora_operator.api.crd
	$(RUN) python -m taskora_operator.api.values
	$(RUN) python -m taskora_operator.reference
	$(RUN) python -m taskora_operator.cluster.permissions
	$(RUN) python -m taskora_operator.watching
	$(RUN) python -m taskora.domain.payloads
	@$(CLUSTER) tools helm
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: taskora-system}\n' > manifests/install.yaml
	"$$($(CLUSTER) path)"/helm template --kube-version 1.34.0 taskora-operator manifests/operator -n taskora-system >> manifests/install.yaml

docs:  # the site, into build/site
	$(RUN) properdocs build --quiet --config-file mkdocs.yml

release:  # VERSION=1.1.0: whether it can be made, and what belongs to it, into build/release; nothing else changes
	@$(CLUSTER) tools helm
	$(RUN) pytest -q tests/unit/operator/test_chart.py tests/unit/operator/test_crd.py tests/unit/test_docs.py
	PATH="$$($(CLUSTER) path):$$PATH" python3 .ci/release.py $(VERSION)

lint:
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) pyright
	$(RUN) lint-imports
	$(RUN) zizmor --quiet --offline .github
	@$(CLUSTER) types

test-unit:
	$(PYTEST) tests/unit

test-component: tools
	$(PYTEST) $(SPLIT) tests/component tests/faults

faults: tools  # the long forms: 100,000 writes in a storm, the broker away for a quarter of an hour; the operator's every point
	$(RUN) python -m tests.faults $(FAULTS)
	TASKORA_EVERY_POINT=1 $(PYTEST) tests/component/operator/faults

oldest: tools  # the custom resource and the operator against the oldest API server that is supported, compiled on first use
	TASKORA_KUBERNETES=oldest $(PYTEST) tests/component/test_crd.py tests/component/operator

pictures: tools  # the README's, of a whole Taskora on this machine
	@$(CLUSTER) browser
	$(RUN) python -m tests.pictures

dev: tools  # the whole application on this machine, until Ctrl-C
	@$(RUN) python -m tests.dev

test-e2e:
	@$(CLUSTER) reset
	@$(CLUSTER) browser
	eval "$$($(CLUSTER) env)" && $(PYTEST) $(SPLIT) tests/e2e

bench:  # what is counted and timed, on a machine that has nothing else to do: the API, the clock and a backlog, a thousand instances, then the running cluster, if there is one
	@$(CLUSTER) tools
	$(PYTEST) -s tests/bench/app
	$(PYTEST) -s tests/bench/operator
	eval "$$($(CLUSTER) env)" && $(PYTEST) -s tests/bench/cluster

workflows:  # the five workflows, every step of them, against the running cluster: first make up
	@$(CLUSTER) tools workflows
	eval "$$($(CLUSTER) env)" && $(PYTEST) -s tests/workflows

test-down:  # last: it kills the cluster, wakes it up and takes it away
	$(PYTEST) tests/cluster
