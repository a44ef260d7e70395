"""Settings under which every decoder trains in about a second on the tests' small trials."""

from typing import Any

QUICK: dict[str, dict[str, Any]] = {
    "chance": {},
    "lda": {},
    "riemann": {"rate": 32.0},
    "evoked": {"rate": 32.0, "latencies": 3},
    "default": {
        "members": (
            {"decoder": "evoked", "settings": {"rate": 32.0, "latency": 0.0}},
            {"decoder": "riemann", "settings": {"rate": 32.0}},
        ),
        "folds": 2,
    },
    "common-lstm": {
        "units": 16,
        "dense": (16, 8),
        "dropout": 0.1,
        "training": {"max_epochs": 15, "learning_rate": 5e-3},
    },
    "stacked-lstm": {"units": (16, 8), "dropout": 0.1, "training": {"max_epochs": 15, "learning_rate": 5e-3}},
    "per-channel-lstm": {
        "units": (8, 8),
        "dropout": 0.3,
        "training": {"max_epochs": 20, "learning_rate": 1e-2, "batch_size": 32},
    },
    "per-channel-lstm-merged": {
        "units": (8, 8),
        "merged": 8,
        "dropout": 0.3,
        "training": {"max_epochs": 30, "patience": 12, "learning_rate": 2e-2, "batch_size": 32},
    },
    "sparse-forest": {
        "expert": {"filters": (8, 8), "dropouts": (0.1, 0.1), "training": {"max_epochs": 8, "learning_rate": 5e-3}},
        "trunks": 1,
        "inner_folds": 3,
        "trees": 60,
    },
    "sparse-cnn": {"filters": (8, 8), "dropouts": (0.1, 0.1), "training": {"max_epochs": 10, "learning_rate": 5e-3}},
    "deep-cnn": {"filters": (4, 8), "features": 32, "training": {"max_epochs": 10, "learning_rate": 5e-3}},
    "mlp": {"dense": (32, 16), "dropout": 0.2, "training": {"max_epochs": 15, "learning_rate": 2e-3}},
    "zoo:EEGNet": {"training": {"max_epochs": 15, "learning_rate": 5e-3}},
}
"""By the name of the decoder; every one of the registry stands here."""
