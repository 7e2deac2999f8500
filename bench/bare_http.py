"""llama.cpp's own server at a port, with the batch and the cache that llama.vim recommends: MODEL.

Its first line on standard output is its address.
"""

import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = 8192
parameters.n_parallel = 1
parameters.n_batch = parameters.n_ubatch = 1024
parameters.n_cache_reuse = 256
parameters.verbosity = 0
parameters.port = 0
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
while True:
    time.sleep(60)
