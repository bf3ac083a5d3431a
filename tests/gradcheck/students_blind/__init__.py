"""Course files in many hands, labelled before gradcheck was run on them.

first_score.txt is that first run on s01 to s41, unedited; s42 to s46 came with the checking of
classes and s47 to s52 after it, labelled before their first run too. Score:
`python -m tests.gradcheck.students.labels students_blind`. A label in a file is the one that holds
now. Where it is not the one written first:
s06 batchnorm_alt (backward): its forward is wrong as well, and that is said first;
s22 word_embedding, s38 affine (fragile): wrong at the course's own inputs already;
s32 svm_loss (backward): a gradient of zeros is one not written yet;
s36 leaky_relu, s42 Dropout, s47 MSELoss (right), s46 LinearClassifier (not implemented), s46 Net,
s47 Conv2D and Sequential (no label): no inputs or sizes are known, so nothing is claimed.
"""
