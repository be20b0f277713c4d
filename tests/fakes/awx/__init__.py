"""A model of AWX's API, as far as the modules of awx.awx that awx_setup.yml uses ask it. Not AWX: see README.md."""

from tests.fakes.awx.server import FakeAwx

__all__ = ["FakeAwx"]
