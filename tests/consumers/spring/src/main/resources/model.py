# The model of the application, and how often the application was started in this process.
starts = globals().get('starts', 0) + 1
print('model ready')


def predict(row):
    return {'score': sum(row) / len(row), 'starts': starts}
