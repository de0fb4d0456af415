"""Which capabilities each dialect supports, tested against simulated providers with the gateway's own code.

observed_response  what a client receives, from a completion or from the chunks of a stream
capability         something that clients want, the request for it, and the check of the response
capabilities       all capabilities, in the order of the table
support            the result for one capability in one dialect
simulated_dialect  a simulated provider in this process, and the models to test
media_cells        the results for embeddings and images
matrix             all results as a table
run                runs the tests and fills the matrix
"""
