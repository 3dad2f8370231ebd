"""Floor 5: what a layer is; its two faces, its weights, and how what it holds is found."""
