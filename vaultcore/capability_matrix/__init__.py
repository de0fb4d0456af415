"""What every dialect can carry, found out by asking simulated providers through the gateway's own code.

answer      what a client holds in the end, from a buffered answer or from the chunks of a streamed one
capability  something clients want, the request that wants it, and how it shows that they got it
offered     the capabilities, in the order of the table
cell        what became of one capability in one dialect
subject     a simulated provider in this process, and the models of it to try
making      embeddings and images
matrix      all cells, as a table
run         fills the matrix
"""
