package answers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"hookline/shared/webhook"
)

// authority signs certificates, and is trusted.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	made := a.certificate(func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	a.cert, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// certificate returns a valid certificate for 127.0.0.1 after change has modified it. An authority signs its own itself.
func (a *authority) certificate(change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a receiver"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// config is a server's, with one certificate and the protocols that it offers.
func config(c tls.Certificate, protocols ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}, NextProtos: protocols}
}

// inTLS is the receivers that do not come through a handshake.
func inTLS(ca *authority) []*receiver {
	answer := say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	with := func(name string, detail webhook.ErrorDetail, cert tls.Certificate) *receiver {
		return &receiver{name: name, tls: config(cert), answer: answer, err: webhook.ReasonTLS, detail: detail}
	}
	// raw has the receiver speak for itself, where TLS is expected.
	raw := func(name string, err webhook.AttemptError, detail webhook.ErrorDetail, answer func(net.Conn)) *receiver {
		return &receiver{name: name, raw: true, answer: answer, stalls: err == webhook.ReasonTimeout, err: err, detail: detail}
	}
	greeted := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			flood(c, text)
		}
	}
	// The server's hello of TLS 1.2, with a random of zeros, no session, a cipher, no compression, and secure renegotiation.
	hello := "\x16\x03\x03\x00\x31\x02\x00\x00\x2d\x03\x03" + string(make([]byte, 32)) + "\x00\xc0\x2b\x00\x00\x05\xff\x01\x00\x01\x00"
	settings := "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x10\x00\x00" // a frame of HTTP/2
	return []*receiver{
		{name: "HTTP/2 unasked", tls: config(ca.certificate(nil)), answer: asked(func(c net.Conn) { flood(c, settings) }), err: webhook.ReasonBadResponse},
		{name: "HTTP/2 alone", tls: config(ca.certificate(nil), "h2"), answer: asked(func(c net.Conn) { flood(c, settings) }), err: webhook.ReasonBadResponse},
		{name: "a good certificate", tls: config(ca.certificate(nil)), answer: answer, status: 200},
		with("wrong host", webhook.DetailCertificateWrongHost, ca.certificate(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} })),
		with("expired", webhook.DetailCertificateExpired, ca.certificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })),
		with("not valid yet", webhook.DetailCertificateNotYetValid, ca.certificate(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })),
		with("self-signed", webhook.DetailCertificateUnknownCA, (&authority{t: ca.t}).certificate(nil)),
		with("of another authority", webhook.DetailCertificateUnknownCA, newAuthority(ca.t).certificate(nil)),
		raw("handshake that never begins", webhook.ReasonTimeout, webhook.DetailNoConnection, hold),
		raw("handshake that never ends", webhook.ReasonTimeout, webhook.DetailNoConnection, func(c net.Conn) {
			if _, err := io.WriteString(c, hello); err == nil {
				_, _ = io.Copy(io.Discard, c)
			}
		}),
		raw("handshake, a byte a second", webhook.ReasonTimeout, webhook.DetailNoConnection, func(c net.Conn) { drip(c, hello) }),
		raw("handshake of noise", webhook.ReasonTLS, webhook.DetailNotTLS, greeted("\x00\xff\x80")),
		raw("handshake message of 16 MB", webhook.ReasonTLS, "", greeted("\x16\x03\x03\x40\x00\x02\xff\xff\xff"+string(make([]byte, 16<<10-4)))),
		raw("HTTP without TLS", webhook.ReasonTLS, webhook.DetailNotTLS, greeted("HTTP/1.1 200 OK\r\n\r\n")),
		raw("hung up within the handshake", webhook.ReasonTLS, webhook.DetailHandshakeRefused, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }),
	}
}
