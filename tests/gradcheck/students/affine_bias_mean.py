# ruff: noqa
# labels: affine=wrong backward, relu=wrong backward
import numpy as np

def affine_forward(x,w,b):
    xx = x.reshape(x.shape[0],-1)
    return xx.dot(w)+b, (x,w,b)

def affine_backward(dout,cache):
    x,w,b = cache
    dx = dout.dot(w.T).reshape(*x.shape)
    dw = x.reshape(x.shape[0],-1).T.dot(dout)
    db = np.mean(dout,axis=0)   # average over the batch
    return dx,dw,db

def relu_forward(x):
    return np.maximum(x,0), x

def relu_backward(dout,cache):
    x=cache
    return dout*(dout>0)
