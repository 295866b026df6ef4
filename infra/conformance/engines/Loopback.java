import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;

/** Starts DynamoDB Local on the loopback interface, on a free port. Its own main program listens on every interface. */
public class Loopback {
	public static void main(String[] args) throws Exception {
		var proxy = ServerRunner.createServerFromCommandLineArgs(args);
		var field = proxy.getClass().getDeclaredField("server");
		field.setAccessible(true);
		var connector = (ServerConnector) ((Server) field.get(proxy)).getConnectors()[0];
		connector.setHost("127.0.0.1");
		connector.setPort(0);
		proxy.start();
		System.out.println("listening on http://127.0.0.1:" + connector.getLocalPort());
		proxy.join();
	}
}
