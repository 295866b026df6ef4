package signature_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"hookline/shared/signature"
)

var (
	spec = signature.Scheme{
		Signed: "{id}.{unix}.{body}", Encoding: signature.Base64, Prefix: "v1,", Join: " ",
		Key: signature.Key{Encoding: signature.Base64, Prefix: "whsec_"},
	}
	hexBody    = signature.Scheme{Signed: "{body}", Encoding: signature.Hex, Prefix: "sha256="}
	bareHex    = signature.Scheme{Signed: "{body}", Encoding: signature.Hex}
	base64Body = signature.Scheme{Signed: "{body}", Encoding: signature.Base64, Prefix: "sha256="}
)

func TestSign(t *testing.T) {
	specMessage := signature.Message{
		ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Time: time.Unix(1614265330, 0), Body: []byte(`{"test": 2432232314}`),
	}
	const specSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	fox := signature.Message{Body: []byte("The quick brown fox jumps over the lazy dog")}
	deployment := signature.Message{Body: []byte(`{ "deployed_at": "2023-10-27T00:00:00Z", "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123", "repository_url": "https://git.scm-provider.ca/my-project/my-repo" }`)}
	tests := []struct {
		name    string
		scheme  signature.Scheme
		message signature.Message
		secrets []string
		want    string
	}{
		{"the Standard Webhooks libraries' own vector", spec, specMessage, []string{specSecret}, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{"a secret without its prefix", spec, specMessage, []string{strings.TrimPrefix(specSecret, "whsec_")}, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{
			"two secrets", spec, specMessage,
			[]string{specSecret, "whsec_AAAA"},
			"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= " + mustSign(t, spec, specMessage, "whsec_AAAA"),
		},
		{"a published deployment, signed with openssl", hexBody, deployment, []string{"secret"}, "sha256=94849743b7c6c5772dcd0abb37b37e9834062b0639ca1fcd69678bd7526816d7"},
		{"a well-known vector, bare", bareHex, fox, []string{"key"}, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"},
		{"a well-known vector in base64", base64Body, fox, []string{"key"}, "sha256=97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="},
		{"a header for one signature takes the first secret", bareHex, fox, []string{"key", "old"}, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.scheme.Sign(tt.message, tt.secrets...)
			if err != nil || got != tt.want {
				t.Fatalf("Sign = %q, %v, want %q", got, err, tt.want)
			}
			if !tt.scheme.Verify(got, tt.message, tt.secrets...) {
				t.Error("Verify refuses what Sign made")
			}
		})
	}
}

func mustSign(t *testing.T, s signature.Scheme, m signature.Message, secrets ...string) string {
	t.Helper()
	v, err := s.Sign(m, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSignRefuses(t *testing.T) {
	tests := []struct {
		name    string
		scheme  signature.Scheme
		secrets []string
	}{
		{"no secret", spec, nil},
		{"a secret that is not base64", spec, []string{"whsec_hunter2!"}},
		{"base64 without its padding", spec, []string{"whsec_AA"}},
		{"base64 with stray bits", spec, []string{"whsec_AB=="}},
		{"an unknown name", signature.Scheme{Signed: "{body}{type}", Encoding: signature.Hex}, []string{"secret"}},
		{"an empty secret", bareHex, []string{""}},
		{"an empty key", spec, []string{"whsec_"}},
		{"one bad secret of two", spec, []string{"whsec_AAAA", "whsec_hunter2!"}},
		{"no encoding", signature.Scheme{Signed: "{body}"}, []string{"secret"}},
		{"an unknown key encoding", signature.Scheme{Signed: "{body}", Encoding: signature.Hex, Key: signature.Key{Encoding: "hex"}}, []string{"aa"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.scheme.Sign(signature.Message{Body: []byte("x")}, tt.secrets...)
			if err == nil {
				t.Fatalf("Sign = %q, want an error", got)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the secret: %v", err)
			}
			if tt.scheme.Verify("", signature.Message{Body: []byte("x")}, tt.secrets...) {
				t.Error("Verify accepts an empty header")
			}
		})
	}
}

func TestPlaceholdersInsideTheMessageAreText(t *testing.T) {
	m := signature.Message{ID: "{body}", Time: time.Unix(7, 0), Body: []byte(`{id} {unix}`)}
	literal := signature.Scheme{Signed: "{body}", Encoding: signature.Hex}
	got := mustSign(t, signature.Scheme{Signed: "{id}.{unix}.{body}", Encoding: signature.Hex}, m, "k")
	want := mustSign(t, literal, signature.Message{Body: []byte("{body}.7.{id} {unix}")}, "k")
	if got != want {
		t.Errorf("signature = %s, want %s", got, want)
	}
}

func TestTemplate(t *testing.T) {
	value := func(name string) (string, bool) {
		v, ok := map[string]string{"a": "{b}", "b": "2", "long_name": "3", "nothing": ""}[name]
		return v, ok
	}
	tests := []struct {
		template signature.Template
		names    string
		want     string
	}{
		{"", "", ""},
		{"text", "", "text"},
		{"{a}", "a", "{b}"},
		{"<{a}{b}> {long_name}.", "a b long_name", "<{b}2> 3."},
		{"{nothing}", "nothing", ""},
		{"{c} {b}", "c b", "{c} 2"},
		{"{} {A} {1} { b } {b", "", "{} {A} {1} { b } {b"},
		{"{{b}} {x{b}", "b b", "{2} {x2"},
		{"{", "", "{"},
	}
	for _, tt := range tests {
		if got := strings.Join(tt.template.Names(), " "); got != tt.names {
			t.Errorf("Names of %q = %q, want %q", tt.template, got, tt.names)
		}
		if got := tt.template.Fill(value); got != tt.want {
			t.Errorf("%q filled = %q, want %q", tt.template, got, tt.want)
		}
	}
}

func TestVerify(t *testing.T) {
	m := signature.Message{ID: "evt_1", Time: time.Unix(1_700_000_000, 0), Body: []byte(`{"a":1}`)}
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567"))
	old := "whsec_" + base64.StdEncoding.EncodeToString([]byte("76543210fedcba9876543210"))
	good := mustSign(t, spec, m, secret)
	hexGood := mustSign(t, hexBody, m, "s3cret")
	later := m
	later.Time = m.Time.Add(time.Second)
	other := m
	other.Body = []byte(`{"a":2}`)
	tests := []struct {
		name    string
		scheme  signature.Scheme
		header  string
		message signature.Message
		secrets []string
		want    bool
	}{
		{"its own", spec, good, m, []string{secret}, true},
		{"the second secret of two", spec, good, m, []string{old, secret}, true},
		{"the second signature of two", spec, mustSign(t, spec, m, old, secret), m, []string{secret}, true},
		{"beside versions we do not know", spec, "v1a,AAAA " + good + " v2,BBBB", m, []string{secret}, true},
		{"another secret", spec, good, m, []string{old}, false},
		{"no secret", spec, good, m, nil, false},
		{"an empty secret", bareHex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", signature.Message{}, []string{""}, false},
		{"another body", spec, good, other, []string{secret}, false},
		{"another time", spec, good, later, []string{secret}, false},
		{"without its prefix", spec, strings.TrimPrefix(good, "v1,"), m, []string{secret}, false},
		{"empty", spec, "", m, []string{secret}, false},
		{"prefix alone", spec, "v1,", m, []string{secret}, false},
		{"cut short", spec, good[:len(good)-4], m, []string{secret}, false},
		{"hexadecimal", hexBody, hexGood, m, []string{"s3cret"}, true},
		{"hexadecimal in capitals", hexBody, "sha256=" + strings.ToUpper(strings.TrimPrefix(hexGood, "sha256=")), m, []string{"s3cret"}, true},
		{"hexadecimal with a space behind", hexBody, hexGood + " ", m, []string{"s3cret"}, false},
		{"a line break in base64", spec, good[:9] + "\r\n" + good[9:], m, []string{secret}, false},
		{"two in a header for one", hexBody, hexGood + " " + hexGood, m, []string{"s3cret"}, false},
		{"the digest without its prefix", hexBody, strings.TrimPrefix(hexGood, "sha256="), m, []string{"s3cret"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.scheme.Verify(tt.header, tt.message, tt.secrets...); got != tt.want {
				t.Errorf("Verify(%q) = %v, want %v", tt.header, got, tt.want)
			}
		})
	}
}

// FuzzVerify checks that a signed message verifies, and that a header verifies only if it has the signature.
func FuzzVerify(f *testing.F) {
	stamped := signature.Scheme{Signed: "{unix}.{body}", Encoding: signature.Hex, Prefix: "v1=", Join: ","}
	schemes := []signature.Scheme{hexBody, spec, stamped, {Signed: "{body}", Encoding: signature.Base64}}
	for _, scheme := range schemes {
		for _, body := range []string{"", `{"a":1}`, "{body}{id}"} {
			good, err := scheme.Sign(signature.Message{ID: "evt_1", Time: time.Unix(1_700_000_000, 0), Body: []byte(body)}, "c2VjcmV0")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(good, body, "c2VjcmV0")
			f.Add(good, body+"?", "c2VjcmV0")
			f.Add(good, body, "c2VjcmVU")
			f.Add("t=1700000000, "+good+" ,"+good, body, "c2VjcmV0")
		}
	}
	f.Add("sha256=", "", "x")
	f.Add("sha256=00 sha256=11,v1=,,v1, ", "", "")
	f.Fuzz(func(t *testing.T, header, body, secret string) {
		m := signature.Message{ID: "evt_1", Time: time.Unix(1_700_000_000, 0), Body: []byte(body)}
		for _, scheme := range schemes {
			good, err := scheme.Sign(m, secret)
			if err != nil {
				if scheme.Verify(header, m, secret) {
					t.Errorf("%q verifies under a secret that signs nothing", header)
				}
				continue
			}
			if !scheme.Verify(good, m, secret) || scheme.Join != "" && !scheme.Verify(header+scheme.Join+good, m, secret) {
				t.Errorf("%q does not verify", good)
			}
			if scheme.Verify(header, m, secret) && !strings.Contains(strings.ToLower(header), strings.ToLower(good)) {
				t.Errorf("%q verifies, of which %q is no part", header, good)
			}
		}
	})
}
