package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"hookline/shared/webhook"
)

// Alerts of the TLS protocol, by the numbers of https://www.iana.org/assignments/tls-parameters/tls-parameters.xhtml#tls-parameters-6
const (
	alertNoCertificate       tls.AlertError = 41
	alertCertificateUnknown  tls.AlertError = 46 // 42 to 46 say what is wrong with a certificate
	alertUnknownCA           tls.AlertError = 48
	alertProtocolVersion     tls.AlertError = 70
	alertUnrecognizedName    tls.AlertError = 112
	alertCertificateRequired tls.AlertError = 116
)

// tlsDetail says why a handshake failed. It returns "" if err does not tell.
func tlsDetail(err error) webhook.ErrorDetail {
	if alert, ok := remoteAlert(err); ok {
		switch {
		case alert >= alertNoCertificate && alert <= alertCertificateUnknown, alert == alertUnknownCA, alert == alertCertificateRequired:
			return webhook.DetailClientCertificate // we sent no certificate that the alert could be about
		case alert == alertProtocolVersion:
			return webhook.DetailTLSVersion
		case alert == alertUnrecognizedName:
			return webhook.DetailCertificateWrongHost
		}
		return webhook.DetailHandshakeRefused
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		if invalid.Cert != nil && invalid.Cert.NotBefore.After(time.Now()) {
			return webhook.DetailCertificateNotYetValid
		}
		return webhook.DetailCertificateExpired
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return webhook.DetailCertificateWrongHost
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return webhook.DetailCertificateUnknownCA
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return webhook.DetailCertificateInvalid
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return webhook.DetailNotTLS
	}
	// A server that supports nothing newer than TLS 1.1 answers with its version instead of refusing. For this error crypto/tls
	// has only a text (Conn.clientHandshake); a test checks it.
	if strings.Contains(err.Error(), "server selected unsupported protocol version") {
		return webhook.DetailTLSVersion
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return webhook.DetailHandshakeRefused
	}
	return ""
}

func alerted(err error) bool {
	_, ok := remoteAlert(err)
	return ok
}

// remoteAlert returns the alert with which the server ended the connection. crypto/tls does not export the type of this error,
// but exports tls.AlertError for QUIC, which has the same texts.
func remoteAlert(err error) (tls.AlertError, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	for alert := range tls.AlertError(255) {
		if op.Err.Error() == alert.Error() {
			return alert, true
		}
	}
	return 0, false
}
