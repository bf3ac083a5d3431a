# ruff: noqa
# labels: svm_loss_naive=right, softmax_loss_vectorized=right
import numpy as np

def svm_loss_naive(W, X, y, reg):
  """
  Inputs:
  - W: C x D array of weights
  - X: D x N array of data. Data are D-dimensional columns
  - y: 1-dimensional array of length N with labels 0...K-1, for K classes
  """
  dW = np.zeros(W.shape)
  num_classes = W.shape[0]
  num_train = X.shape[1]
  loss = 0.0
  for i in xrange(num_train):
    scores = W.dot(X[:, i])
    correct_class_score = scores[y[i]]
    for j in xrange(num_classes):
      if j == y[i]:
        continue
      margin = scores[j] - correct_class_score + 1
      if margin > 0:
        loss += margin
        dW[j, :] += X[:, i].T
        dW[y[i], :] -= X[:, i].T
  loss = loss / num_train + 0.5 * reg * np.sum(W * W)
  dW = dW / num_train + reg * W
  return loss, dW

def softmax_loss_vectorized(W, X, y, reg):
  N = X.shape[1]
  f = W.dot(X)
  f = f - np.max(f, axis=0)
  p = np.exp(f) / np.sum(np.exp(f), axis=0)
  loss = -np.mean(np.log(p[y, np.arange(N)])) + 0.5 * reg * np.sum(W * W)
  p[y, np.arange(N)] -= 1
  return loss, p.dot(X.T) / N + reg * W
