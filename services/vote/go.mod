module floodgate.internal/services/vote

go 1.26.0

replace floodgate.internal/proto => ../../proto

replace floodgate.internal/backbone => ../../backbone
