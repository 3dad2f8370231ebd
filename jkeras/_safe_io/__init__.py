"""Floor 0.5: files from strangers, read and written. Readers that refuse everything but plain data.

`json`, `zip`, `hdf5`, `tensor_bundle`, `protobuf` and `int_lists` are the only ways in; Python's `json` and `zipfile`, and h5py,
do the reading once the checks have passed. What they cannot do is written by hand, each part in a file of its own that says why:
`hdf5_texts` (HDF5 may hang or fill the memory over damaged texts), `byte_range` and `parallel` (several threads read arrays
faster than HDF5, and check the archive on the way), and the readers of TensorFlow's formats, which need TensorFlow otherwise.
"""
