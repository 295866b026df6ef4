# Has one process of the AWS CLI run many commands, each in a fork of it: the CLI takes a second of processor time to
# start, and a quarter of one for a command. It is two programs:
#
# - A plugin of the CLI, which serves at a socket that it has as file descriptor 3. A request is a JSON {args, cwd, env}
#   with the command's standard output and error. The answer is a byte, the exit code.
# - awsfork.py SOCKET ARGUMENT…, which is the command aws for whoever runs it.
import json
import os
import signal
import socket
import sys


def awscli_initialize(_):
    import awscli.clidriver

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody has to wait for the forks
    server = socket.socket(fileno=3)
    while True:
        connection, _ = server.accept()
        request, files, _, _ = socket.recv_fds(connection, 1 << 20, 2)
        if os.fork() == 0:
            break
        for file in [connection.fileno(), *files]:
            os.close(file)
        connection.detach()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    server.close()
    code = 255
    try:
        command = json.loads(request)
        models = os.environ["AWS_DATA_PATH"]  # which the CLI has set itself
        os.environ.clear()
        os.environ.update(command["env"], AWS_DATA_PATH=models)
        os.chdir(command["cwd"])
        os.dup2(files[0], 1)
        os.dup2(files[1], 2)
        sys.argv[1:] = command["args"]
        code = awscli.clidriver.main()
    except SystemExit as e:
        code = e.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(bytes([code or 0]))
        os._exit(0)


def main(path, *args):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    request = {"args": args, "cwd": os.getcwd(), "env": dict(os.environ)}
    socket.send_fds(connection, [json.dumps(request).encode()], [1, 2])
    return (connection.recv(1) or b"\xff")[0]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
