# softtoken.compliance: `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
COLLECTION := .ansible/collections/ansible_collections/softtoken/compliance

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
