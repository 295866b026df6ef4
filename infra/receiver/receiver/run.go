package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"hookline/shared/dialect"
)

// Main runs a Receiver on 127.0.0.1 until ctx ends, configured by PORT, DIALECT and SECRET as getenv returns them.
func Main(ctx context.Context, getenv func(string) string, out io.Writer) error {
	dialects, err := dialect.Builtin()
	if err != nil {
		return err
	}
	name, secret := cmp.Or(getenv("DIALECT"), "standard"), getenv("SECRET")
	d, err := dialects.Dialect(ctx, name)
	if err != nil {
		return fmt.Errorf("DIALECT must be one of %s: %w", strings.Join(dialects.Names(), ", "), err)
	}
	r, err := New(Options{Dialect: d, Secret: secret, Out: out})
	if err != nil {
		return err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", cmp.Or(getenv("PORT"), "9999")))
	if err != nil {
		return err
	}
	checked := "signatures are checked"
	if secret == "" {
		checked = "signatures are not checked: set SECRET"
	}
	fmt.Fprintf(out, "Receiving at http://%s in dialect %s; %s.\n", l.Addr(), d.Name, checked)
	fmt.Fprintln(out, "Paths that fail: /500 /503 /410 /429 /timeout /slow /slow/2 /redirect /flaky/3. Anything else is answered 200.")

	server := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 10 * time.Second,
		// Ends with ctx, so that those who wait for no answer do not hold up the end.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
