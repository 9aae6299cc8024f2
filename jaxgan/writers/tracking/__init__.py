"""Writers by name: a CSV file, Weights & Biases, MLflow, Aim."""

from jaxgan.writers.tracking._aim import aim
from jaxgan.writers.tracking._csv import csv
from jaxgan.writers.tracking._mlflow import mlflow
from jaxgan.writers.tracking._wandb import wandb

__all__ = ["aim", "csv", "mlflow", "wandb"]
