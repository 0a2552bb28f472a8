"""Thirty labels and a thousand pictures without: what do the others add?

Run it:  python examples/few_labels.py [steps]

A discriminator learns the ten digits from the 30 that have labels, and what digits look like from all; the
classifier is used as any other in scikit-learn, with -1 for a label that is not known. Beside it the same network that
sees the 30 labelled pictures only, and a logistic regression on them.
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import gansmith as gs

pictures, classes = load_digits(return_X_y=True)
train, test, y_train, y_test = train_test_split(pictures / 16, classes, test_size=500, random_state=0, stratify=classes)
order = np.random.RandomState(0).permutation(len(y_train))
known = np.concatenate([order[y_train[order] == kind][:3] for kind in range(10)])
told = np.full(len(y_train), -1)
told[known] = y_train[known]

networks = gs.NoisyMLP(width=100, layers=(200, 100, 100))
settings = {"networks": networks, "image_shape": (1, 8, 8), "batch": 50, "half_life": 1000, "random_state": 0}

if __name__ == "__main__":
    settings["steps"] = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    linear = LogisticRegression(max_iter=2000).fit(train[known], y_train[known])
    print(f"logistic regression, 30 labels          {linear.score(test, y_test):.3f}")
    alone = gs.SemiSupervisedClassifier(game=gs.SemiSupervised(weight=0.0), **settings).fit(train[known], told[known])
    print(f"the discriminator, 30 labels            {alone.score(test, y_test):.3f}")
    helped = gs.SemiSupervisedClassifier(**settings).fit(train, told)
    print(f"the same, with 1,267 pictures besides   {helped.score(test, y_test):.3f}")
