from __future__ import annotations

import sys
from pathlib import Path

# Scenes of simulated cameras are those of the training, which is no package.
sys.path.append(str(Path(__file__).parents[1] / "train"))
