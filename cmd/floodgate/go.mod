module floodgate.internal/cmd/floodgate

go 1.26.0

replace floodgate.internal/proto => ../../proto

replace floodgate.internal/backbone => ../../backbone

replace floodgate.internal/services/vote => ../../services/vote

replace floodgate.internal/services/gateway => ../../services/gateway

require (
	floodgate.internal/proto v0.0.0-00010101000000-000000000000
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.31.0
	github.com/valyala/fasthttp v1.69.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
	pgregory.net/rapid v1.3.0
)

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.1 // indirect
	github.com/andybalholm/brotli v1.2.0 // indirect
	github.com/klauspost/compress v1.18.2 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc // indirect
)
