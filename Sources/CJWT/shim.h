// libjwt: mints our own tokens; never decides about anybody else's (see ARCHITECTURE.md, "Tokens").
#pragma once
#include <jwt.h>
