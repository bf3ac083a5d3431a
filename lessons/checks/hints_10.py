"""The hints of lesson 10: for each mistake a nudge, a pointer, almost the answer."""

from __future__ import annotations

__all__ = ["ADAGRAD", "ADAM", "EPSILON", "LONG_STEP", "RMSPROP", "SADDLE"]

Hints = dict[str, tuple[str, str, str]]

UPHILL = (
    "Your step goes uphill.",
    "The gradient points to where the loss grows.",
    "Look at the sign in front of lr.",
)
OLD_CACHE = (
    "Your step divides by the cache as it was before this gradient.",
    "Which comes first in the formula: the new cache, or the step?",
    "Update the cache in the first line of the function and use the new one in the second.",
)
EPS_INSIDE = (
    "Your eps has another place than the formula's.",
    "sqrt(c + eps) and sqrt(c) + eps differ: at c = 0 the first is sqrt(eps).",
    "Take the root first, then add eps to it.",
)

LOOSE_EPS = (
    "Your eps is added to x.",
    "In Python, division comes before addition.",
    "Put the root and eps in one pair of brackets, below the division.",
)

ADAGRAD: Hints = {
    "uphill": UPHILL,
    "epsilon loose": LOOSE_EPS,
    "old cache": OLD_CACHE,
    "epsilon inside": EPS_INSIDE,
    "cache not summed": (
        "Your cache forgets what came before.",
        "Adagrad's cache is a sum over all steps.",
        "The new cache needs the old one on its right-hand side.",
    ),
    "not squared": (
        "Your cache adds up something that can shrink again.",
        "Gradients of both signs must make it grow.",
        "Square the gradient before you add it.",
    ),
    "power ignored": (
        "With power=0.5 all is well; with power=1 your step is still the one with the root.",
        "The exponent of the cache is an argument of the function.",
        "Replace the root by `cache ** ...`.",
    ),
}

RMSPROP: Hints = {
    "uphill": UPHILL,
    "epsilon loose": LOOSE_EPS,
    "old cache": OLD_CACHE,
    "epsilon inside": EPS_INSIDE,
    "weights swapped": (
        "Your average listens to the newest gradient almost alone.",
        "decay is what the cache keeps of itself: 0.99 means a long memory.",
        "The factors decay and (1 - decay) have changed places.",
    ),
    "a sum": (
        "This is still Adagrad.",
        "An average must not grow without end under a constant gradient.",
        "The two factors in front of the old cache and of the new square add up to 1.",
    ),
    "no second factor": (
        "Under a constant gradient g your cache goes to g**2 / (1 - decay), and not to g**2.",
        "The weights of an average add up to 1.",
        "The new square has a factor as well.",
    ),
    "no root": (
        "Your step has the wrong unit: multiply the loss by 10 and see how the step changes.",
        "A gradient over a squared gradient shrinks when the gradient grows.",
        "There is a root in the denominator.",
    ),
}

ADAM: Hints = {
    "counted too late": (
        "Your first corrections are those of the step before.",
        "After the first step t is 1. What is 1 - beta1**t if you use the old t?",
        "Increase t in the first line, before anything is divided by 1 - beta**t.",
    ),
    "t not counted": (
        "Your x, m and v are right, and t comes back as it went in.",
        "The next step needs to know that this one happened.",
        "Return t + 1.",
    ),
    "not corrected": (
        "Your m and v are right; the step is the one of Adam without bias correction.",
        "m and v begin at zero and are too small at first: by 1 - beta1**t and 1 - beta2**t.",
        "Divide m and v by those factors in new variables, and take the step with these.",
    ),
    "corrections stored": (
        "The m that you return is the corrected one.",
        "The correction is for this step only; the next average starts from the plain m and v.",
        "Give the corrected moments other names, and return the plain ones.",
    ),
    "betas swapped": (
        "Your averages have each other's memories.",
        "beta1 belongs to the gradient, beta2 to its square.",
        "Swap beta1 and beta2 everywhere, the corrections too.",
    ),
    "epsilon inside": EPS_INSIDE,
    "epsilon before": (
        "Your eps is added before the correction of v, not after it.",
        "The paper calls that variant epsilon hat; at t = 1 it makes eps 30 times as large.",
        "Correct v first, take its root, then add eps.",
    ),
    "not squared": (
        "Your v averages the gradient itself.",
        "v is the second moment.",
        "Square the gradient where v is updated.",
    ),
    "uphill": UPHILL,
    "epsilon loose": LOOSE_EPS,
}

EPSILON: Hints = {
    "always true": (
        "Your test accuses every rule, the right ones too.",
        "A test is of use only if something can pass it.",
        "Find an input for which a right rule gives a number that you know exactly.",
    ),
    "always false": (
        "Your test finds nothing: it calls every rule sound.",
        "A small eps hides behind a tolerance, and the change may be of either sign.",
        "Make eps large, choose g so that nothing else acts, and ask for any change at all.",
    ),
    "accuses a variant": (
        "Your test accuses a rule with eps under the root: a convention, not the fault.",
        "Do not compare with one formula: look for what only the fault can do.",
        "What must every right rule do when the gradient is zero?",
    ),
    "misses one": (
        "Your test finds one form of the fault and not the other.",
        "In one of them eps is multiplied by lr and subtracted, in the other it is added.",
        "Ask whether the change is zero, not how large it is or of which sign.",
    ),
}

SADDLE: Hints = {
    "rounded down": (
        "You stop one step too early.",
        "After your t steps |y| is not above 1 yet.",
        "t is a whole number, and it must not be smaller than the solution of the equation.",
    ),
    "curvature 1": (
        "Your y grows by 1 + lr at each step.",
        "The derivative of -y**2 is not -y.",
        "y becomes y + lr * 2 * y.",
    ),
    "continuous": (
        "You took exp(2 lr t) for (1 + 2 lr)**t.",
        "That is the path of infinitely small steps; these are finite.",
        "Divide by log(1 + 2 lr), not by 2 lr.",
    ),
    "shrinks": (
        "Your y shrinks at each step, as x does.",
        "The loss falls with |y|: the gradient in y is -2 y, and the step goes against it.",
        "y becomes y + lr * 2 * y.",
    ),
    "not whole": (
        "Your number solves the equation, and steps come one by one.",
        "|y| passes 1 between two steps; which of them is the answer?",
        "The answer is a whole number: the first that is beyond the solution.",
    ),
    "zero": (
        "At y0 = 0 your answer is not infinity.",
        "What is the gradient in y there, and what does every rule make of it?",
        "Treat y0 = 0 first, and return math.inf.",
    ),
    "sign": (
        "A negative y0 leaves the saddle as fast as a positive one.",
        "The saddle is symmetric in y.",
        "Use the absolute value of y0.",
    ),
    "reasons": (
        "The steps are right; the reasons are not all.",
        "For each rule, write down the length of its first step, and of its hundredth.",
        "SGD steps in proportion to y; Adagrad begins with lr, then shrinks; averages forget.",
    ),
}

LONG_STEP: Hints = {
    "no step": (
        "Adam does not move under these gradients.",
        "All of them are zero.",
        "Let the zeros be followed by gradients that are not.",
    ),
    "about lr": (
        "The longest step is lr or little more, as steps usually are.",
        "Steps are long when m is large and v is not: v has the longer memory.",
        "Begin with many zeros, so that the corrections fade; then let the gradients come.",
    ),
    "one spike": (
        "This is the paper's own worst case, one gradient among zeros: 3.16 lr at most.",
        "After the spike m has a tenth of it. What would make m larger, and v hardly?",
        "Let several gradients follow, each larger than the one before.",
    ),
    "too early": (
        "Your gradients grow well, and come too early.",
        "In the first thousand steps the correction of v makes up for its long memory.",
        "Put some thousand zeros in front of them.",
    ),
    "too large": (
        "Your row ends in numbers that a computer cannot square.",
        "After some dozen growing gradients the longest step hardly grows any more.",
        "Let fewer gradients grow, a hundred for instance.",
    ),
    "not long enough": (
        "The longest step is above lr and below 7 lr.",
        "Gradients that grow by one factor each time keep m ahead of v; which factor is best?",
        "A factor of beta2/beta1 is best; give it fifty steps, after some thousand zeros.",
    ),
}
