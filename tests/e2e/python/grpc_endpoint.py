"""A gRPC server of grpcio, in this process: messages are their bytes."""

import time
from concurrent.futures import ThreadPoolExecutor

import grpc


class Calls(grpc.GenericRpcHandler):
    """Whatever is called is told apart by the last part of its path."""

    def service(self, call):
        name = call.method.rpartition("/")[2]
        shapes = {
            "Unary": (grpc.unary_unary_rpc_method_handler, self.unary),
            "Fails": (grpc.unary_unary_rpc_method_handler, self.fails),
            "Slow": (grpc.unary_unary_rpc_method_handler, self.slow),
            "ServerStreaming": (grpc.unary_stream_rpc_method_handler, self.server_streaming),
            "FailsLater": (grpc.unary_stream_rpc_method_handler, self.fails_later),
            "ClientStreaming": (grpc.stream_unary_rpc_method_handler, self.client_streaming),
            "BothStreaming": (grpc.stream_stream_rpc_method_handler, self.both_streaming),
        }
        if name not in shapes:
            return None
        shape, method = shapes[name]
        return shape(method)

    def unary(self, message, context):
        context.set_trailing_metadata([("x-unannounced", "1")])
        return message

    def fails(self, message, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: ä")

    def slow(self, message, context):
        time.sleep(0.2)
        return message

    def server_streaming(self, message, context):
        for turn in range(5):
            yield message + str(turn).encode()

    def fails_later(self, message, context):
        yield message
        context.abort(grpc.StatusCode.DATA_LOSS, "half of it")

    def client_streaming(self, messages, context):
        return b"".join(messages)

    def both_streaming(self, messages, context):
        yield from messages


class GrpcEndpoint:
    """The server; with `credentials` it speaks TLS, with ALPN h2."""

    def __init__(self, credentials=None, port=0):
        self.server = grpc.server(ThreadPoolExecutor(max_workers=16), handlers=[Calls()])
        address = f"127.0.0.1:{port}"
        self.port = (
            self.server.add_secure_port(address, credentials) if credentials else self.server.add_insecure_port(address)
        )
        self.server.start()

    def stop(self, grace=0):
        """Says GOAWAY, and cuts what is left after `grace` seconds."""
        return self.server.stop(grace)
