def retag(pieces):
    pass
