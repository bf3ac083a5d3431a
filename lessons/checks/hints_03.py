"""The hints of lesson 3: for each mistake a nudge, a pointer, almost the answer."""

from __future__ import annotations

__all__ = ["AFFINE", "BATCH_NORM", "CROSS_ENTROPY", "HUNT", "MULTIPLY", "UNBROADCAST"]

Hints = dict[str, tuple[str, str, str]]

COUNT = (
    "The number of gradients is not the number of inputs.",
    "backward answers one question for each input of forward: how does the loss depend on it?",
    "Return the gradients side by side, in the order that the text above the cell gives.",
)
NOT_SUMMED = (
    "Compare the shape of this gradient with the shape of the array it belongs to.",
    "One entry of that array is used in every row. How many paths lead from it to the loss?",
    "The contributions of all rows add up: that takes a sum over the rows.",
)
AVERAGED = (
    "This gradient shrinks as the batch grows. Should it?",
    "Contributions that arrive along several paths are added. Nobody divides by their number.",
    "Where you take a mean, take a sum.",
)
ONE_GRADIENT = (
    "Two inputs, so two answers are needed.",
    "Nudge only x: by how much does x y change? Then nudge only y.",
    "The product rule's two terms belong to two different inputs: return them side by side.",
)

MULTIPLY: Hints = {
    "count": COUNT,
    "one gradient": ONE_GRADIENT,
    "own value": (
        "Each gradient contains the wrong factor.",
        "If x is nudged by a little, x y changes by that much times ... what?",
        "The slope with respect to one factor is the other factor.",
    ),
    "ignores g": (
        "Your gradients do not depend on g.",
        "You computed how y changes. The question is how the loss changes.",
        "Every backward multiplies its local slope by what arrives from above.",
    ),
    "sum of g": (
        "Your gradients mix the entries of g.",
        "Entry i of the product depends on entry i of each factor, and on nothing else.",
        "Multiply entry by entry; no sum is needed here.",
    ),
}

AFFINE: Hints = {
    "count": COUNT,
    "db: not summed": NOT_SUMMED,
    "db: averaged": AVERAGED,
    "db: one row": (
        "db knows about one example only.",
        "Every row of y contains b.",
        "Add up what arrives in all rows, not just in one of them.",
    ),
    "db: kept axis": (
        "db has the right numbers in the wrong shape.",
        "b has one axis, your db has two.",
        "keepdims=True keeps the axis that was summed; you do not want it here.",
    ),
    "db: wrong axis": (
        "db is summed along the wrong axis.",
        "g has one row per example and one column per output. b has one entry per output.",
        "Sum so that the columns remain.",
    ),
    "dW: transposed": (
        "dW has its axes the wrong way round.",
        "dW must have the shape of W: inputs by outputs.",
        "The same product, with the two operands exchanged and transposed, has that shape.",
    ),
    "dW: averaged": AVERAGED,
    "dW: one example": (
        "dW knows about one example only.",
        "A matrix product over the batch axis adds up all examples by itself.",
        "Multiply the whole of x with the whole of g.",
    ),
    "dW: ignores g": (
        "dW does not depend on g.",
        "The loss sees W only through y, and what the loss wants of y is g.",
        "In the local slope stands x; it still has to be multiplied with what arrives.",
    ),
    "dx: W not transposed": (
        "dx goes through W in the forward direction.",
        "W takes inputs to outputs. A gradient travels from outputs to inputs.",
        "The way back goes through the transpose of W.",
    ),
    "dx: averaged": (
        "dx is divided by the batch size.",
        "Row i of x reaches the loss only through row i of y. Over what would you average?",
        "If the loss is a mean, its 1/N is already inside g.",
    ),
}

UNBROADCAST: Hints = {
    "unchanged": (
        "The result has the shape of g, not the shape that was asked for.",
        "The input was copied to become as large as g. Undo the copying.",
        "Sum over each axis along which copies were made.",
    ),
    "leading axes only": (
        "Axes of length 1 are not treated.",
        "An axis of length 1 is also stretched, when the other array is longer there.",
        "After the leading axes, sum over those where shape has a 1, and keep them as length 1.",
    ),
    "ones only": (
        "Axes that the input does not have at all are not treated.",
        "NumPy puts missing axes in front. How many are missing?",
        "First sum over the first g.ndim - len(shape) axes.",
    ),
    "averaged": AVERAGED,
    "first copy": (
        "You keep one copy and drop the others.",
        "All copies reach the loss, not just the first one.",
        "Add them up.",
    ),
    "axes dropped": (
        "The numbers are right, but some axes of length 1 are gone.",
        "A sum removes its axis, unless it is told not to.",
        "Look up `keepdims`, for those axes that exist in shape.",
    ),
}

OVERFLOW = (
    "With large scores the result is not a number.",
    "e^1000 is more than a float can hold. Scores that differ only by a constant are equivalent.",
    "Before the exponential, subtract from each row something that makes its largest score 0.",
)

CROSS_ENTROPY: Hints = {
    "count": (
        "Two results are needed.",
        "The loss is one number, the gradient has the shape of the scores.",
        "Return the loss, a comma, the gradient.",
    ),
    "overflow": OVERFLOW,
    "one shift": (
        "It fails when one row's scores are far below another row's.",
        "You subtract one number from all rows. The low rows become e^(-4000), and that is 0.",
        "Each row needs its own maximum: along the class axis, with the axis kept.",
    ),
    "log of zero": (
        "It fails when the right class has a probability too small for a float.",
        "The probability became 0, and log 0 is minus infinity; its logarithm, -1000, is harmless.",
        "Use log(a / b) = log a - log b on paper first: log e^z needs no computing.",
    ),
    "clipped": (
        "The loss of a very wrong score is too small.",
        "A small number added inside the log, or a limit, hides infinity and changes the loss.",
        "Write the log of the probability as: shifted score minus the log of the row's sum.",
    ),
    "loss: summed": (
        "The loss grows with the batch.",
        "The loss of a batch is here the mean over its examples.",
        "Divide by the number of rows, or take the mean.",
    ),
    "loss: over all entries": (
        "The loss is too small by a factor.",
        "You average over examples and classes. Only one entry of each row counts.",
        "Divide by the number of rows, not by the number of entries.",
    ),
    "loss: sign": (
        "The loss is negative.",
        "A probability is at most 1. What is the sign of its log?",
        "One minus is missing.",
    ),
    "loss: half shifted": (
        "The loss is off by the largest score of each row.",
        "You shifted one of the two terms, and left the other as it was.",
        "Take both the log-sum-exp and the score of the label from the shifted scores.",
    ),
    "loss: all pairs": (
        "Each row is combined with the labels of all rows.",
        "`p[:, labels]` takes N columns from each of the N rows.",
        "Index with two lists of the same length: the numbers of the rows, and their labels.",
    ),
    "loss: no log": (
        "The loss contains the probability, not its logarithm.",
        "If the right class has probability 1/2, the loss is log 2, which is about 0.69.",
        "Take the log before the mean.",
    ),
    "gradient: not averaged": (
        "The gradient is too large by the number of examples.",
        "The loss is a mean. What does a mean do to a gradient?",
        "Divide by the number of rows, once, at the end.",
    ),
    "gradient: nothing subtracted": (
        "The gradient of the right class is wrong.",
        "Raising the score of the right class lowers the loss. Which sign must its gradient have?",
        "One subtraction is missing, at the label of each row.",
    ),
    "gradient: averaged too early": (
        "The gradient of the right class is wrong, the others are right.",
        "In (p - 1) / N, what is divided by N?",
        "Subtract first, divide then.",
    ),
    "gradient: sign": (
        "The gradient points the wrong way.",
        "The gradient says where the loss grows. It must be negative at the right class.",
        "Exchange the two sides of your subtraction.",
    ),
    "gradient: label only": (
        "Only the right class gets a gradient.",
        "All scores of a row appear in the denominator, so all of them act on the loss.",
        "The other classes get their own probability.",
    ),
    "gradient: through p only": (
        "This is the slope of a probability by its own score.",
        "The loss is a log of that probability, and the probability depends on all scores.",
        "Write the loss as log-sum minus score, and differentiate that: it is shorter.",
    ),
}

BATCH_NORM: Hints = {
    "count": COUNT,
    "dx: fitted line": (
        "Nearly right: off by what the 1e-5 under the root does.",
        "A line that is fitted divides by the mean square of x_hat, which is not quite 1.",
        "Use the two means of the formula, and divide by s only.",
    ),
    "dx: frozen": (
        "You treat the mean and the standard deviation as constants.",
        "Moving one x_i moves the mean and the spread of its column, and with them every row.",
        "Two terms are missing: one for the mean, one for the spread. Look at the picture.",
    ),
    "dx: mean only": (
        "The spread is treated as a constant.",
        "The line in the picture has a height and a slope. You remove its height.",
        "The part of g along x_hat has to go as well.",
    ),
    "dx: spread only": (
        "The mean is treated as a constant.",
        "The line in the picture has a height and a slope. You remove its slope.",
        "The mean of g has to go as well.",
    ),
    "dx: sums for means": (
        "The two terms that you subtract are too large.",
        "They grow with the batch. Do the terms in the formula?",
        "Take means over the batch, or multiply g by N and divide everything by N.",
    ),
    "dx: N times": (
        "dx is too large by the batch size.",
        "N g - sum(...) is N times g - mean(...).",
        "Divide by N as well.",
    ),
    "dx: without gamma": (
        "gamma is missing from dx.",
        "y = gamma x_hat + beta: how much of a nudge of x_hat arrives in y?",
        "Multiply by gamma, column by column.",
    ),
    "dx: not divided by s": (
        "dx is not yet divided by s.",
        "Make all x ten times larger: y stays as it is, so slopes become ten times smaller.",
        "One division by the standard deviation is missing.",
    ),
    "dx: divided twice": (
        "dx is divided by the variance.",
        "The cache holds s, the standard deviation, and dx contains it once.",
        "Divide by s a single time.",
    ),
    "dx: sign": (
        "One of the two terms has the wrong sign.",
        "What the line explains is taken away from g.",
        "Both terms are subtracted.",
    ),
    "dx: wrong axis": (
        "The means are taken along the wrong axis.",
        "Batch norm looks at one column, over all examples.",
        "Average over the rows: axis 0.",
    ),
    "dx: one mean for all": (
        "Your means are single numbers.",
        "Each column has its own mean and its own spread.",
        "Tell `mean` its axis.",
    ),
    "dgamma: without x_hat": (
        "dgamma does not contain x_hat.",
        "y = gamma x_hat + beta. What multiplies gamma?",
        "It is the multiply rule, summed over the rows.",
    ),
    "dgamma: not summed": NOT_SUMMED,
    "dgamma: averaged": AVERAGED,
    "dbeta: not summed": NOT_SUMMED,
    "dbeta: averaged": AVERAGED,
    "dbeta: with x_hat": (
        "dbeta contains x_hat.",
        "y = gamma x_hat + beta. What multiplies beta?",
        "dgamma and dbeta may have changed places.",
    ),
}

HUNT: Hints = {
    "everything accused": (
        "You call every healthy layer broken. A hunt that suspects everybody finds nobody.",
        "A false alarm costs more than half of what a found bug earns.",
        "Run gradcheck on each layer with its own inputs; those that pass are right.",
    ),
    "false alarm": (
        "A layer that you call broken is right.",
        "An unusual way to write a formula is not a bug. What does gradcheck say about it?",
        "Run gradcheck on all layers that you call broken: one of them passes.",
    ),
    "missed": (
        "A layer that you call right is broken.",
        "Some bugs leave the numbers of a first call untouched. Read the rest of the report, too.",
        "Look at `status` of every layer you call right: for one of them it is not 'pass'.",
    ),
    "wrong cause": (
        "All broken layers are found, but not every cause is right.",
        "Read the first FAIL line of the report and then the code of that parameter's gradient.",
        "Repair a copy of the code until gradcheck passes; what you changed is the cause.",
    ),
    "unfinished": (
        "Not every layer has a verdict yet.",
        "A layer that passes needs one, too.",
        'Give it the cause "right".',
    ),
    "unknown layer": (
        "A name in your verdicts is not a name of a layer.",
        "Upper and lower case and spaces count.",
        "print(table()) lists the names.",
    ),
    "unknown cause": (
        "A cause in your verdicts is not in the list.",
        "Use the short names, as text.",
        "The keys of CAUSES are the short names.",
    ),
}
