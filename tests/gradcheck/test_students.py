"""Course layers as students write them: every label is right, no right function is accused."""

import pytest

from tests.gradcheck.students import labels

REPRESENTATIVE = [
    "batchnorm_graph", "batchnorm_not_stored", "conv_crop", "conv_im2col", "custom_activations",
    "dropout_drop_2015", "dropout_doc_contradicts", "empty_template", "linear_columns_2015",
    "linear_reg_factor", "losses_overflow", "lstm_running_sum", "missing_helpers",
    "notebook_export", "old_numpy", "optim_adam_t", "relu_inplace", "rnn_carry_lost",
    "s05_bn_unbiased", "s25_lstm_other_order", "s27_optim_variants", "s28_optim_bad",
    "s29_classes", "s31_fcnet_bad", "s35_float32", "s39_batch_one", "s41_nhwc", "s42_framework",
    "s45_convnet", "s46_two_layer_bad",
]  # fmt: skip


def check(name, seed=0):
    report, found = labels.found(name, seed=seed, workers=2)
    assert found == labels.expected(name), [(v.name, v.label, v.text) for v in report.verdicts]


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_labels(name):
    """GRADCHECK section 6: one file of each fault family, and right ones in several styles."""
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", sorted(labels.FILES))
def test_labels_of_every_file(name, seed):
    """GRADCHECK section 6, whole: every file, on two seeds."""
    check(name, seed)


@pytest.mark.parametrize("bank", labels.BANKS)
def test_the_banks_are_large_and_mixed(bank):
    """At least 40 files; every label occurs, and right functions are a good part of them."""
    wanted = [label for name in labels.BANKS[bank] for label in labels.expected(name).values()]
    assert len(labels.BANKS[bank]) >= 40
    assert set(wanted) == {
        "right", "wrong backward", "wrong forward", "fragile", "raises", "not implemented",
        "inconclusive",
    }  # fmt: skip
    assert 40 <= wanted.count("right") <= 0.6 * len(wanted)
