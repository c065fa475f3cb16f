package rpc

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	commonv1 "floodgate.internal/proto/floodgate/common/v1"
)

// Roles answers who may call an RPC, by the option
// (floodgate.common.v1.roles); empty where it names none.
func Roles(method protoreflect.MethodDescriptor) []commonv1.Access_Role {
	roles, _ := proto.GetExtension(method.Options(), commonv1.E_Roles).([]commonv1.Access_Role)
	return roles
}

// WithoutRoles lists the full names of a service's RPCs that say nothing about
// who may call them: those with no role, ROLE_UNSPECIFIED or an unknown one. A
// test of each service expects none.
func WithoutRoles(service protoreflect.ServiceDescriptor) []protoreflect.FullName {
	var without []protoreflect.FullName
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		if !named(Roles(method)) {
			without = append(without, method.FullName())
		}
	}
	return without
}

// named answers whether there are roles, and each of them is one.
func named(roles []commonv1.Access_Role) bool {
	for _, role := range roles {
		if _, known := commonv1.Access_Role_name[int32(role)]; !known || role == commonv1.Access_ROLE_UNSPECIFIED {
			return false
		}
	}
	return len(roles) > 0
}
