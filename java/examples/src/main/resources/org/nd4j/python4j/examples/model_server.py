# SPDX-License-Identifier: Apache-2.0
# The Python half of ModelServer.java: trains a classifier of handwritten digits on two thirds of
# scikit-learn's own 1797 pictures. Java asks for the rest, one by one and in batches.
import numpy
import sklearn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

pictures, digits = load_digits(return_X_y=True)
train, test, train_digits, test_digits = train_test_split(
    pictures, digits, test_size=1 / 3, random_state=0, stratify=digits)
model = make_pipeline(StandardScaler(), SVC()).fit(train, train_digits)
summary = (f"scikit-learn {sklearn.__version__}: {model[-1].__class__.__name__} trained with {len(train)} pictures, "
           f"{model.score(test, test_digits):.1%} of {len(test)} others right")

questions = test.tolist()
answers = model.predict(test).tolist()


def classify(picture):
    """One picture, a list of numbers from Java."""
    return int(model.predict(numpy.array([picture]))[0])


def classify_first(n):
    """The first so many rows of `batch`, which is memory of Java."""
    return model.predict(batch[:n]).tolist()
