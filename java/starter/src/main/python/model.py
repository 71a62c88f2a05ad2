# SPDX-License-Identifier: Apache-2.0
# A classifier of flowers, which Main.java trains and asks.
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

names = []
classifier = LogisticRegression(max_iter=500)


def train():
    iris = load_iris()
    names.extend(iris.target_names)
    classifier.fit(iris.data, iris.target)


def predict(text):
    """The name of a flower with these four lengths, separated by commas."""
    return names[classifier.predict([[float(part) for part in text.split(",")]])[0]]
