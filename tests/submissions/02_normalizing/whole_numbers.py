# Divides whole numbers, and cuts off instead of rounding.
# %% scale
def scale(images):
    return (images // 255).astype("float32")


# %% unscale
def unscale(images):
    return (images * 255).astype("uint8")
