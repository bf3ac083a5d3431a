"""Hand-written course layers in the styles of real students: right, wrong and fragile.

A comment in each file gives the label of each function: `# labels: affine=right, relu=fragile`.
"""
