"""The bundle as an MLflow pyfunc (models-from-code), for serving and Spark.

MLflow runs this file when it loads the model. Prefer ``hatespeech_no.load``, which reads the bundle
alone and runs no code from the store.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd  # MLflow reads the annotations when it loads this file
from mlflow.pyfunc import PythonModel

from hatespeech_no.bundle import Bundle
from hatespeech_no.scoring import Classifier


class HatespeechModel(PythonModel):  # type: ignore[misc]  # MLflow is untyped
    """A frame with a column ``text`` in; the columns of ``Classifier.score_frame`` out."""

    def load_context(self, context: Any) -> None:  # noqa: ANN401 - MLflow's context
        """Load the bundle once."""
        self._classifier = Classifier(Bundle.load(Path(context.artifacts["bundle"])))

    def predict(self, context: object, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Assess the texts of a frame.

        Raises:
            HatespeechError: a value is no text that can be scored. Not an ``MlflowException``: MLflow's
                server puts the rows into the message of those.
        """
        return self._classifier.score_frame(model_input)


mlflow.models.set_model(HatespeechModel())
