module floodgate.internal/cmd/floodgate

go 1.26.0

replace floodgate.internal/proto => ../../proto

replace floodgate.internal/backbone => ../../backbone

replace floodgate.internal/services/vote => ../../services/vote

replace floodgate.internal/services/gateway => ../../services/gateway

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0 // indirect
	github.com/alecthomas/kong v1.17.0 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/schollz/progressbar/v3 v3.19.1 // indirect
	golang.org/x/sys v0.46.0 // indirect
	golang.org/x/term v0.44.0 // indirect
)
