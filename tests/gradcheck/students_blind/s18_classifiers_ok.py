# ruff: noqa
# labels: svm_loss_naive=right, svm_loss_vectorized=right, softmax_loss_naive=right, softmax_loss_vectorized=right
import numpy as np

def svm_loss_naive(W, X, y, reg):
    dW = np.zeros(W.shape)
    num_classes = W.shape[1]
    num_train = X.shape[0]
    loss = 0.0
    for i in range(num_train):
        scores = X[i].dot(W)
        correct_class_score = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct_class_score + 1  # note delta = 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    loss /= num_train
    dW /= num_train
    loss += reg * np.sum(W * W)
    dW += 2 * reg * W
    return loss, dW

def svm_loss_vectorized(W, X, y, reg):
    N = len(y)
    S = X @ W
    M = S - S[np.arange(N), y, None] + 1
    M[np.arange(N), y] = 0
    M = M.clip(0)
    loss = M.sum() / N + 0.5 * reg * (W ** 2).sum()
    B = (M > 0) * 1.0
    B[np.arange(N), y] = -B.sum(1)
    return loss, X.T @ B / N + reg * W

def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    N = X.shape[0]
    for i in range(N):
        f = X[i] @ W
        f = f - max(f)
        Z = 0.0
        for c in range(W.shape[1]):
            Z = Z + np.exp(f[c])
        loss += np.log(Z) - f[y[i]]
        for c in range(W.shape[1]):
            p = np.exp(f[c]) / Z
            dW[:, c] += (p - (c == y[i])) * X[i]
    return loss / N + reg * np.sum(W * W), dW / N + 2 * reg * W

def softmax_loss_vectorized(W, X, y, reg):
    N = X.shape[0]
    idx = (np.arange(N), y)
    S = X.dot(W)
    S -= S.max(axis=1, keepdims=True)
    logp = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    loss = -logp[idx].mean() + reg / 2 * np.linalg.norm(W) ** 2
    dS = np.exp(logp)
    dS[idx] -= 1
    return loss, X.T.dot(dS) / N + reg * W
