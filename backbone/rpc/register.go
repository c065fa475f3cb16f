package rpc

import (
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// RegisterService adds a service, as generated RegisterXServer functions do
// with a *Server in hand. Its health starts NOT_SERVING. A service whose
// validation rules do not compile makes Serve fail.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if err := s.rules.warm(desc.ServiceName); err != nil {
		s.faults = append(s.faults, err)
	}
	served := *desc
	served.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, m := range desc.Methods {
		full := "/" + desc.ServiceName + "/" + m.MethodName
		handler := opening(m.Handler)
		s.methods[full] = localMethod{impl: impl, handler: handler}
		m.Handler = naming(handler)
		served.Methods[i] = m
	}
	s.grpc.RegisterService(&served, impl)
	s.health.SetServingStatus(desc.ServiceName, healthv1.HealthCheckResponse_NOT_SERVING)
}

// GetServiceInfo lists the registered services; reflection reads it.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo { return s.grpc.GetServiceInfo() }
