package payload

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
)

func TestPack(t *testing.T) {
	noise := make([]byte, 700)
	_, _ = rand.Read(noise)
	tests := map[string]struct {
		body []byte
		most int // bytes packed
	}{
		"empty":        {nil, 8},
		"small":        {[]byte(`{"a":1}`), 8},
		"compressible": {[]byte(`{"items":"` + strings.Repeat("abc ", 500) + `"}`), 60},
		"noise":        {noise, 701},
		"base64 noise": {[]byte(base64.StdEncoding.EncodeToString(noise)), 780}, // of 936
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			packed := Pack(tt.body)
			if len(packed) > tt.most {
				t.Errorf("got %d bytes, want at most %d", len(packed), tt.most)
			}
			got, err := Unpack(packed)
			if err != nil || !bytes.Equal(got, tt.body) {
				t.Errorf("got %q, %v, want %q", got, err, tt.body)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	bomb := Pack(bytes.Repeat([]byte(" "), maxBody+1))
	for name, packed := range map[string][]byte{
		"nothing": nil, "an unknown packing": []byte("x{}"), "a broken stream": []byte("dnot deflate"), "a bomb": bomb,
	} {
		if got, err := Unpack(packed); err == nil {
			t.Errorf("%s: got %d bytes, want an error", name, len(got))
		}
	}
}
