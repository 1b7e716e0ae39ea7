"""Orders from GraphQL: `python graphql_orders.py PORT`. graphql-core 2.0 keeps each thread."""

import sys

from flask import Flask, request
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, GraphQLString, graphql
from graphql.execution.executors.thread import ThreadExecutor

app = Flask(__name__)
executor = ThreadExecutor()


def find(*_):
    """Find an order."""
    raise LookupError("there is no such order")


schema = GraphQLSchema(GraphQLObjectType("Query", {"order": GraphQLField(GraphQLString, resolver=find)}))


@app.post("/orders/search")
def search():
    """Search for an order."""
    found = graphql(schema, "{ order }", variable_values=request.get_json(silent=True), executor=executor)
    return {"errors": [str(one) for one in found.errors]}, 404


app.run(port=int(sys.argv[1]))
