"""Log a sweep to MLflow: its trials, each with its seeds, as children of one run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hatespeech_no.tracking.runs import MlflowTracker, never_costs_the_run
from hatespeech_no.tracking.store import experiment_id, mlflow_module
from hatespeech_no.training.record import NoTracker, Tracker
from hatespeech_no.training.sweep import CRITERION, TRIALS


class MlflowSweep(MlflowTracker):
    """Logs a sweep while it is made; see ``training.sweep.SweepTracker``."""

    @never_costs_the_run
    def start(self, name: str, facts: dict[str, dict[str, str]]) -> None:
        """Begin the run that trials are children of, or go on with the one of this name."""
        mlflow = mlflow_module()
        client = mlflow.MlflowClient(tracking_uri=self.uri)
        begun = client.search_runs([experiment_id(self.uri, self._experiment)], f"attributes.run_name = '{name}'")
        if not begun:
            super().start(name, facts)
            return
        mlflow.set_tracking_uri(self.uri)
        self._client = client
        self._open.append(begun[0].info.run_id)
        client.update_run(self._open[0], status="RUNNING")

    def trial(self) -> Tracker:
        """Where the next trial is logged; nowhere after the store has failed."""
        if self.problem is not None:
            return NoTracker()
        return MlflowTracker(self.uri, self._experiment, parent=self._open[0])

    @never_costs_the_run
    def finish(self, folder: Path) -> None:
        """Log the table of trials and the best one's figure, and end the run."""
        mlflow = mlflow_module()
        table = pd.read_csv(folder / TRIALS)
        with mlflow.start_run(run_id=self._open[0]):
            if table["problem"].isna().any():
                mlflow.log_metric(CRITERION, table[CRITERION][0])
                mlflow.set_tag("best", table["run"][0])
            mlflow.log_table(table, "trials.json")
        self._open.clear()
