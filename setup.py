"""Packages: `configs/` is installed within jaxgan, so that its files are found by their names.

All the rest is in setup.cfg.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["jaxgan*"]), "jaxgan.configs"],
    package_dir={"jaxgan.configs": "configs"},
)
