"""Heat maps of what ``run.py`` found: learned from (rows), tested on (columns), AUROC of `hateful`.

python experiments/shift/draw.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
FAMILIES = {"tfidf": "linear on words and characters", "embeddings": "linear on frozen embeddings"}


def main() -> None:
    """One panel per family, on one scale."""
    figure, grid = plt.subplots(1, 2, figsize=(15, 8), layout="constrained", sharey=True)
    for axes, (family, title) in zip(grid, FAMILIES.items(), strict=True):
        table = pd.read_csv(HERE / f"{family}.csv")
        rows = table[(table["element"] == "hateful") & (table["metric"] == "auroc")]
        cells = rows.pivot_table(index="learned", columns="suite", values="value", sort=False)
        image = axes.imshow(cells, cmap="cividis", vmin=0.4, vmax=1, aspect="auto")
        axes.set_xticks(range(cells.shape[1]), cells.columns, rotation=60, ha="right")
        axes.set_yticks(range(cells.shape[0]), cells.index)
        axes.set_title(title)
        for (i, j), value in np.ndenumerate(cells.to_numpy()):
            if not np.isnan(value):
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color="wk"[int(value > 0.7)])
    figure.colorbar(image, ax=grid, shrink=0.5, label="AUROC of hateful on the test part")
    figure.savefig(HERE / "shift.png", dpi=110)


if __name__ == "__main__":
    main()
