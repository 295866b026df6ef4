package egress

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"hookline/shared/webhook"
)

// authority signs certificates, and is trusted.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed returns a valid certificate for 127.0.0.1 after change has modified it.
func (a *authority) signed(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// TestTLSDetail connects the client to servers with each of the faults of a handshake.
func TestTLSDetail(t *testing.T) {
	ca := newAuthority(t)
	server := func(c *tls.Config, change func(*x509.Certificate)) string {
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		c.Certificates = []tls.Certificate{ca.signed(t, change)}
		srv.TLS = c
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv.URL
	}
	with := func(change func(*x509.Certificate)) string { return server(new(tls.Config), change) }
	asking := func(version uint16) string {
		return server(&tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version}, nil)
	}
	// saying answers the client's hello with the given bytes.
	saying := func(text string) string {
		return "https://" + serve(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, text)
			_, _ = io.Copy(io.Discard, c)
		})
	}
	hello11 := "\x16\x03\x02\x00\x2a" + // a handshake record of TLS 1.1
		"\x02\x00\x00\x26\x03\x02" + string(make([]byte, 32)) + "\x00\x00\x2f\x00" // ServerHello: the version, random, no session, a cipher, no compression
	for name, c := range map[string]struct {
		url  string
		want webhook.ErrorDetail
	}{
		"for clients":                 {with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), webhook.DetailCertificateInvalid},
		"client certificate, TLS 1.2": {asking(tls.VersionTLS12), webhook.DetailHandshakeRefused}, // the server says no more
		"client certificate, TLS 1.3": {asking(tls.VersionTLS13), webhook.DetailClientCertificate},
		"TLS 1.1 refuses":             {server(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, nil), webhook.DetailTLSVersion},
		"TLS 1.1 answers":             {saying(hello11), webhook.DetailTLSVersion},
		"no common cipher":            {saying("\x15\x03\x03\x00\x02\x02\x28"), webhook.DetailHandshakeRefused},
		"no certificate for the name": {saying("\x15\x03\x03\x00\x02\x02\x70"), webhook.DetailCertificateWrongHost},
		"SSH":                         {saying("SSH-2.0-OpenSSH_9.9\r\n"), webhook.DetailNotTLS},
	} {
		t.Run(name, func(t *testing.T) {
			roots := x509.NewCertPool()
			roots.AddCert(ca.cert)
			client := New(Options{AllowPrivate: true, RootCAs: roots})
			t.Cleanup(client.CloseIdle)
			got := client.Post(t.Context(), Request{URL: c.url, Body: []byte("{}")})
			if got.Err != webhook.ReasonTLS || got.ErrDetail != c.want {
				t.Errorf("got %s, %q (%s), want tls, %s", got.Err, got.ErrDetail, got.Detail, c.want)
			}
		})
	}
}
