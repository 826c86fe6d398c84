def path_join(*names):
    return ".".join(names)
