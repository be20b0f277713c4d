# softtoken.compliance: `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
COLLECTION := .ansible/collections/ansible_collections/softtoken/compliance

# What is expensive to make and shared between checkouts: sanity environments, root file systems.
export SOFTTOKEN_CACHE ?= $(HOME)/.cache/softtoken-compliance
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.cache/hypothesis
export PATH := $(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# --- environment -----------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.ready $(COLLECTION) ## make .venv and put the collection on ansible.cfg's path

$(VENV)/.ready: requirements/bootstrap.txt requirements/runtime.txt requirements/dev.txt tests/tools/bootstrap.sh
	@tests/tools/bootstrap.sh $(VENV) requirements/runtime.txt requirements/dev.txt
	@touch $@

$(COLLECTION):
	@mkdir -p $(@D)
	@ln -sfn ../../../.. $@

.PHONY: test-tools
test-tools: ## install the Debian packages that integration tests and molecule need (root)
	@tests/tools/system_packages.sh

.PHONY: lock
lock: setup ## compile requirements/*.in again (UPGRADE=1 takes the newest releases)
	@tests/tools/lock.sh $(if $(UPGRADE),--upgrade)

# What `make compliance` audits beside this machine: live (the account of the present AWS credentials), the path of a
# snapshot, or nothing (ACCOUNT=). The sample, with its hosts and code, is written by hand and no real account.
SAMPLE := $(CURDIR)/playbooks/files/sample_account.json
ACCOUNT ?= $(SAMPLE)

# --- the job ---------------------------------------------------------------------------------------------------------

.PHONY: compliance
compliance: setup ## measure this machine and audit a sample account (yours: ACCOUNT=live), write report/; changes nothing, fails on no finding
	@ansible-playbook -i inventory/this_machine.yml playbooks/compliance.yml \
	  -e '{"softtoken_mode": "audit", "softtoken_fail_on": [], "softtoken_account": "$(ACCOUNT)"}' \
	  $(if $(filter $(SAMPLE),$(ACCOUNT)),-e @$(SAMPLE:account.json=hosts.yml)) $(EXTRA)
	@$(if $(filter $(SAMPLE),$(ACCOUNT)),echo '--- the account is a sample: ACCOUNT=live audits yours; ACCOUNT= audits none')

.PHONY: demo
demo: setup ## a code that AWS refuses, why, and what mends it: played on a virtual machine with a wrong clock (root)
	@tests/tools/system_packages.sh $(if $(filter 0,$(shell id -u)),,--check || true)
	@python -m tests.demo $(ARGS)

# --- tests -----------------------------------------------------------------------------------------------------------

PYTEST = python -m pytest
# Where a stage leaves its JUnit reports; stages.py adds them up.
RESULTS = .cache/results

.PHONY: test
test: setup ## run everything: lint, unit, sanity, integration, molecule
	@python tests/tools/stages.py lint unit sanity integration molecule

.PHONY: unit
unit: setup ## unit tests, and the fuzz tests with few examples
	@$(PYTEST) -q -n auto --junitxml=$(RESULTS)/unit/pytest.xml $(wildcard tests/unit tests/fuzz) $(ARGS)

.PHONY: fuzz
fuzz: setup ## hypothesis on every parser, thousands of examples each
	@$(PYTEST) -q -n auto --hypothesis-profile=fuzz tests/fuzz $(ARGS)

.PHONY: integration
integration: setup ## tests against real chronyd, containers, a VM and real Ansible runs; without root fewer
	@tests/tools/system_packages.sh $(if $(filter 0,$(shell id -u)),,--check || true)
	@$(PYTEST) -q -n 2 --dist loadfile --no-loadscope-reorder --junitxml=$(RESULTS)/integration/pytest.xml tests/integration $(ARGS)

.PHONY: molecule
molecule: setup ## molecule test of every scenario, two at a time, or of those in SCENARIOS="default traps" (root)
	@tests/tools/system_packages.sh $(if $(filter 0,$(shell id -u)),,--check || true)
	@python tests/tools/molecule.py $(SCENARIOS)

.PHONY: bench
bench: setup ## measure the figures of docs/benchmarks.md (root; no part of `make test`)
	@tests/tools/system_packages.sh
	@PYTHONPATH=$(CURDIR)/.ansible/collections python -m tests.bench $(ARGS)

.PHONY: screenshot
screenshot: setup ## take the README's picture of the report again
	@tests/tools/system_packages.sh
	@PYTHONPATH=$(CURDIR)/.ansible/collections python -m tests.tools.report_screenshot

SANITY := 2.17 2.18 2.19

.PHONY: sanity sanity-next $(SANITY:%=sanity-%)
sanity: setup ## ansible-test sanity for ansible-core 2.17, 2.18, 2.19 and (root) 2.21, two at a time
	@$(MAKE) -k -j2 --output-sync=target $(SANITY:%=sanity-%) sanity-next

$(SANITY:%=sanity-%): sanity-%: setup
	@tests/tools/sanity.sh $* $(ARGS)

sanity-next: setup ## ansible-test sanity for ansible-core 2.21, which needs a newer Python: in a Debian 13 root (root)
ifeq ($(shell id -u),0)
	@tests/tools/system_packages.sh
	@tests/tools/sanity_next.sh 2.21 $(ARGS)
else
	@mkdir -p $(RESULTS)/sanity
	@echo "ansible-core 2.21: its Debian 13 root needs root" | tee $(RESULTS)/sanity/skipped
endif

# --- lint ------------------------------------------------------------------------------------------------------------

LINTERS := ruff format mypy python38 ansible-lint yamllint codespell shellcheck changelog-lint docs-lint requirements

.PHONY: lint
lint: setup ## every linter, two at a time
	@$(MAKE) -k -j2 --output-sync=target $(LINTERS:%=lint-%)

.PHONY: $(LINTERS:%=lint-%)
$(LINTERS:%=lint-%): setup

lint-ruff:
	@echo "--- ruff"; ruff check --quiet --output-format concise .

lint-format:
	@echo "--- ruff format"; ruff format --quiet --diff .

# Through the link, so that absolute and relative imports name one and the same module.
lint-mypy:
	@echo "--- mypy"; mypy --no-error-summary $(COLLECTION)/plugins $(COLLECTION)/review tests $(wildcard roles/*/files/*.py roles/*/files/*/*.py)

# Managed hosts may have Python 3.8: syntax and standard library of what runs there.
lint-python38:
	@echo "--- vermin"; vermin --quiet --no-tips --violations --target=3.8- \
	  $(wildcard plugins/modules plugins/module_utils plugins/doc_fragments roles/*/files)

lint-ansible-lint:
	@echo "--- ansible-lint"; ansible-lint -q --nocolor --format pep8

lint-yamllint:
	@echo "--- yamllint"; yamllint --strict .

lint-codespell:
	@echo "--- codespell"; codespell

lint-shellcheck:
	@echo "--- shellcheck"; git ls-files --cached --others --exclude-standard '*.sh' .ci/run | xargs shellcheck && shellcheck --shell=sh roles/drift_agent/files/softtoken_agent/publish

lint-changelog-lint:
	@echo "--- antsibull-changelog"; antsibull-changelog lint

# It copies what git knows of a collection: amazon.aws, in .venv, is to be none of git's.
lint-docs-lint:
	@echo "--- antsibull-docs"; GIT_CEILING_DIRECTORIES=$(CURDIR)/$(VENV) \
	  antsibull-docs --config-file tests/tools/antsibull-docs.cfg lint-collection-docs \
	  --plugin-docs --validate-collection-refs=dependent --skip-rstcheck .

lint-requirements:
	@echo "--- requirements"; python tests/tools/check_requirements.py

# --- release ---------------------------------------------------------------------------------------------------------

.PHONY: changelog
changelog: setup ## turn the fragments into a release of CHANGELOG.md (version of galaxy.yml)
	@antsibull-changelog release

.PHONY: clean
clean: ## remove what make built here (not the shared cache)
	@rm -rf .venv .ansible .cache report .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
