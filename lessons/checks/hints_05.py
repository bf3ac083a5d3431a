"""The hints of lesson 5: for each mistake a nudge, a pointer, almost the answer."""

from __future__ import annotations

__all__ = ["ABOVE_CHANCE", "DEAD", "FIRST_LOSSES", "LEAKS", "PATIENTS", "PRIOR"]

Hints = dict[str, tuple[str, str, str]]


FIRST_LOSSES: Hints = {
    "another logarithm": (
        "The size is plausible; the base of the logarithm is not.",
        "The losses use the natural logarithm.",
        "In Python: math.log, not math.log2 or math.log10.",
    ),
    "right class counted": (
        "The hinge loss sums over the wrong classes only.",
        "With C classes, how many of them are wrong?",
        "C - 1 terms, each as large as the margin when all scores are equal.",
    ),
    "margin forgotten": (
        "Each term of the hinge loss is max(0, s_wrong - s_right + margin).",
        "With equal scores, what is left of that term?",
        "Multiply the number of wrong classes by the margin.",
    ),
    "a probability": (
        "That is the probability; the loss is not.",
        "Cross-entropy is minus the logarithm of the probability of the right class.",
        "Take minus the natural logarithm of your number.",
    ),
    "mean of the square": (
        "Look again at what is averaged in the mean squared error.",
        "The error of output 0 is the target itself. Square first, then average.",
        "Average the squares of 3 and -1.",
    ),
    "prior forgotten": (
        "This network already knows how frequent the classes are.",
        "For nine examples in ten, the right class has probability 0.9.",
        "Average -log p over the labels: 0.9 of them have p = 0.9, the others p = 0.1.",
    ),
    "average over classes": (
        "The hinge loss is averaged over the examples, not over the classes.",
        "For one example, the terms of the wrong classes are added up.",
        "Do not divide by the number of classes.",
    ),
    "margin taken for kept": (
        "The loss of equal scores is not zero: no margin is kept.",
        "With s_wrong = s_right, what does max(0, s_wrong - s_right + margin) give?",
        "Each wrong class costs one margin; count the wrong classes.",
    ),
    "sign": (
        "A loss of this kind is never negative.",
        "The logarithm of a probability is negative; the loss has a minus in front of it.",
        "Change the sign.",
    ),
    "not weighted": (
        "Examples of both classes count, each as often as it occurs.",
        "Nine examples in ten are of the first class: their loss is small; the others' is large.",
        "Average -log p over the labels: 0.9 of them have p = 0.9, the others p = 0.1.",
    ),
}

PRIOR: Hints = {
    "no logarithm": (
        "These are the frequencies. Scores are not probabilities.",
        "The softmax takes exp of the scores.",
        "What must a score be, so that its exp is the frequency?",
    ),
    "sign": (
        "With this bias the rarest class is the likeliest.",
        "The logarithm of a frequency is negative, and closer to 0 for what is frequent.",
        "Leave out the minus sign.",
    ),
    "another logarithm": (
        "The base of your logarithm does not fit to exp.",
        "exp and which logarithm undo each other?",
        "Use np.log.",
    ),
    "classes missing": (
        "A class that does not occur among the labels has no entry.",
        "np.unique returns only what occurs; np.bincount takes a minlength.",
        "The result needs one number per class, whatever the labels are.",
    ),
    "infinite": (
        "A class that does not occur got a bias of minus infinity.",
        "log(0) means 'impossible', and one such example later makes the loss infinite.",
        "Give an empty class a small count, one half for example, before the logarithm.",
    ),
    "every class enlarged": (
        "You enlarged the count of every class; then no frequency is right.",
        "Only a class that does not occur needs another count.",
        "Replace the counts that are 0, and leave the others alone.",
    ),
}

ABOVE_CHANCE: Hints = {
    "no noise": (
        "Your test calls every accuracy above 1/C learned.",
        "Half of all guessers are above chance.",
        "Ask for a distance from chance: three standard deviations.",
    ),
    "variance": (
        "Your distance is a variance, not a standard deviation.",
        "A standard deviation is the root of a variance.",
        "sigma is the square root of p (1 - p) / n.",
    ),
    "not over n": (
        "Your distance does not shrink when there are more examples.",
        "The average of n examples scatters less than one example.",
        "Divide p (1 - p) by n under the root.",
    ),
    "count for share": (
        "You compare a number of right answers with a share, or the other way round.",
        "accuracy = correct / n.",
        "Bring both sides to shares, or both to counts: a count scatters by sqrt(n p (1 - p)).",
    ),
    "one sigma": (
        "One standard deviation is passed by one guesser in six.",
        "The rule says three.",
        "Multiply sigma by 3.",
    ),
    "chance left out": (
        "You compare the share of right answers with the scatter alone.",
        "A guesser scatters around chance, not around zero.",
        "The border is chance plus three standard deviations.",
    ),
    "a multiple of chance": (
        "Your border is a multiple of chance, whatever the number of examples.",
        "With more examples a guesser comes closer to chance.",
        "Add three standard deviations to chance, in place of multiplying it.",
    ),
    "two units": (
        "One side of your comparison is a count, and the distance is that of a share.",
        "correct and n p are counts; sigma as in the text belongs to correct / n.",
        "Bring all to shares, or all to counts: a count scatters by sqrt(n p (1 - p)).",
    ),
    "scatter of the answers": (
        "Your sigma is that of a guesser who is right as often as this network.",
        "The question is what luck can do: how does a guesser scatter whose p is 1/C?",
        "Use p = 1/C in sigma, not correct / n.",
    ),
}

LEAKS: Hints = {
    "always false": (
        "Your test finds no leak at all.",
        "Take the gradient of one output with respect to *all* inputs.",
        "Output i may depend on input i only: every other row of the gradient must be zero.",
    ),
    "always true": (
        "Your test accuses networks whose examples stay apart.",
        "Output i depends on input i, of course.",
        "Leave row i out before you look for numbers that are not zero.",
    ),
    "sum of outputs": (
        "Your test misses a mixture whose outputs have a constant sum.",
        "The outputs of a softmax add up to 1. What is the gradient of their plain sum?",
        "Weigh the outputs by random numbers before you add them up.",
    ),
    "too coarse": (
        "Your test misses a leak that is faint.",
        "The gradient must be exactly zero, not small.",
        "Compare with 0 itself, or with a tolerance far below 1e-5.",
    ),
    "columns": (
        "Your test stops with an error at a network with two outputs.",
        "Which number in your function is the number of outputs of one network?",
        "Make as many weights as the output has columns; look at its shape.",
    ),
    "one example": (
        "Your test misses a leak into another example than the one that you looked at.",
        "A leak need not touch every pair.",
        "Repeat it for each output i.",
    ),
}

PATIENTS: Hints = {
    "unknown cause": (
        "One of your causes is not in the list.",
        "The keys are those of hunt.CAUSES.",
        "Copy the key from the left column, with its quotes.",
    ),
    "healthy accused": (
        "You treat a healthy patient.",
        "Not every wiggle is an illness: what does the doctor find, and how does the loss end?",
        "Nothing worse than a note, and a loss that falls: leave it alone.",
    ),
    "sick overlooked": (
        "You send a sick patient home.",
        "Its loss may fall and still there is a fault: read the findings.",
        "Every finding above a note has a reason; read the first one of each patient.",
    ),
    "confused": (
        "You found that it is sick, but not what it has.",
        "Read the numbers of the first finding; later ones are often its consequences.",
        "Which of the causes, if it were true, would make the first finding necessary?",
    ),
}

DEAD: Hints = {
    "zeros": (
        "You counted zeros. A healthy ReLU outputs many of them.",
        "A unit is a column. One number above 0 in it, and the unit lives.",
        "First decide for each column whether all of it is 0; then take the share of columns.",
    ),
    "examples": (
        "You looked along the rows: those are examples.",
        "Which axis of an array of shape (n, units) runs over the examples?",
        "Ask for all zeros along axis 0, so that one answer is left for each unit.",
    ),
    "each batch alone": (
        "A unit that is silent in one batch may speak in the next.",
        "When is a unit dead: if it is silent in one batch, in most, or in all?",
        "Collect which units were active in any batch; take the share only at the end.",
    ),
    "one batch": (
        "Your function looks at one of the batches only.",
        "What happens to the others in your loop, or after its first `return`?",
        "Keep one array for all batches: which units have been active so far.",
    ),
    "alive": (
        "This is the share of units that live.",
        "Dead and alive add up to 1.",
        "Turn the answer round before you take the mean, or subtract from 1.",
    ),
    "a count": (
        "This is how many units are dead; a share is asked for.",
        "A share lies between 0 and 1.",
        "Divide by the number of units, or take a mean where you took a sum.",
    ),
    "any for all": (
        "Your function calls a unit dead as soon as it outputs one 0.",
        "For a ReLU a 0 now and then is normal.",
        "All outputs of the unit must be 0, not any of them.",
    ),
    "too coarse": (
        "Your function buries a unit that is faint, or seldom active.",
        "A gradient passes wherever the output is above 0, however little.",
        "Compare with 0 itself, and look at each output, not at a rounded mean.",
    ),
    "per cent": (
        "This is a percentage.",
        "A share lies between 0 and 1.",
        "Leave out the factor 100.",
    ),
}
