package architecture_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"floodgate.internal/backbone/rpc"
	_ "floodgate.internal/proto/floodgate/dlq/v1"  // Registers its services.
	_ "floodgate.internal/proto/floodgate/ops/v1"  // Registers its services.
	_ "floodgate.internal/proto/floodgate/vote/v1" // Registers its services.
	"floodgate.internal/tests/architecture"
)

// An RPC that names no role is one that anybody may call by an oversight.
func TestEveryRPCNamesARole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		options, _ := file.Options().(*descriptorpb.FileOptions)
		path, _, _ := strings.Cut(options.GetGoPackage(), ";")
		if !strings.HasPrefix(path, "floodgate.internal/") {
			return true
		}
		seen[path] = true
		for i := range file.Services().Len() {
			for _, name := range rpc.WithoutRoles(file.Services().Get(i)) {
				t.Errorf("%s names no role: add option (floodgate.common.v1.roles)", name)
			}
		}
		return true
	})
	packages, err := architecture.Packages(t.Context(), root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		generated := strings.HasPrefix(p.ImportPath, "floodgate.internal/proto/floodgate/") && !strings.HasSuffix(p.Name, "connect")
		if generated && !seen[p.ImportPath] {
			t.Errorf("%s is not among the imports of this test, so that its RPCs are not looked at", p.ImportPath)
		}
	}
}
